package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"
)

// Components lists the daemons that [Lab.Signal] and [Lab.Restart] take.
func Components() []string {
	return []string{etcd, apiserver, controllerManager, kubeProxy, kubeletDaemon}
}

// start starts a daemon and writes it down.
func (l *Lab) start(d daemon, files ...*os.File) error {
	p, err := spawn(l.name, d.component, d.args, files...)
	if err != nil {
		return err
	}
	return l.update(func(s *state) { s.record(p) })
}

// update changes the lab's state, in memory and on disk.
func (l *Lab) update(change func(*state)) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(&l.state)
	return l.state.write()
}

// component finds a daemon by name, as it was started last by any process.
func (l *Lab) component(name string) (process, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, err := readState(l.name)
	if err != nil {
		return process{}, err
	}
	l.state = s
	i := s.index(name)
	if i < 0 {
		return process{}, fmt.Errorf("lab %s has no component %q, choose one of %s", l.name, name, strings.Join(Components(), ", "))
	}
	return s.Processes[i], nil
}

// Signal sends a signal to a daemon of the lab.
func (l *Lab) Signal(component string, sig syscall.Signal) error {
	p, err := l.component(component)
	if err != nil {
		return err
	}
	return p.signal(sig)
}

// Kill ends a daemon at once, as a crash does, and returns when it is gone.
func (l *Lab) Kill(ctx context.Context, component string) error {
	p, err := l.component(component)
	if err != nil {
		return err
	}
	if err := p.signal(syscall.SIGKILL); err != nil {
		return err
	}
	return p.gone(ctx)
}

// Stop freezes a daemon: it keeps its connections and answers nothing, until [Lab.Cont].
func (l *Lab) Stop(component string) error { return l.Signal(component, syscall.SIGSTOP) }

// Cont lets a daemon go on after [Lab.Stop].
func (l *Lab) Cont(component string) error { return l.Signal(component, syscall.SIGCONT) }

// Restart starts a daemon again with the arguments it had, killing it first if it runs.
func (l *Lab) Restart(ctx context.Context, component string) error {
	p, err := l.component(component)
	if err != nil {
		return err
	}
	if p.Component == forwarder {
		return errors.New("the forwarder cannot be restarted: its port is gone with it")
	}
	if p.running() {
		if err := l.Kill(ctx, component); err != nil {
			return err
		}
	}
	return l.start(daemon{p.Component, p.Args})
}

// watchDaemons returns an error when a daemon dies, with the end of its log, and nothing when ctx is done.
func (l *Lab) watchDaemons(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(pollInterval):
		}
		l.mu.Lock()
		processes := slices.Clone(l.state.Processes)
		l.mu.Unlock()
		for _, p := range processes {
			if !p.running() {
				return fmt.Errorf("%s ended, its last words:\n%s", p.Component, lastLines(l.name, p.Component, 15))
			}
		}
	}
}

func (p process) gone(ctx context.Context) error {
	for p.running() {
		select {
		case <-ctx.Done():
			return fmt.Errorf("end %s: %w", p.Component, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
	return nil
}
