package kubelet

import (
	"context"
	"slices"
	"sync"
	"syscall"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// sidecarGrace is what a sidecar gets at least, however much of the pod's grace period the containers before it have used.
const sidecarGrace = 2 * time.Second

// stop ends the pod, giving it so much time. Called again with less, it shortens that. It does not wait.
func (p *pod) stop(grace time.Duration) {
	if grace <= 0 {
		p.kill()
	} else {
		timer := time.AfterFunc(grace, p.kill)
		context.AfterFunc(p.killed, func() { timer.Stop() })
	}
	p.mu.Lock()
	p.ending = true
	p.mu.Unlock()
	p.cancel()
	p.publish()
}

// gracePeriod is the pod's own grace period, unless the deletion named another.
func (p *pod) gracePeriod(deletion *int64) time.Duration {
	seconds := deletion
	if seconds == nil {
		seconds = p.meta().Spec.TerminationGracePeriodSeconds
	}
	if seconds == nil {
		return corev1.DefaultTerminationGracePeriodSeconds * time.Second
	}
	return time.Duration(*seconds) * time.Second
}

// terminate ends every process of the pod. All get their preStop hook at once; then the containers get SIGTERM, and when
// they have ended the sidecars do, the last one first.
func (p *pod) terminate() {
	if p.ctx.Err() == nil { // nobody deleted it: it is complete, and its sidecars have to go
		p.stop(p.gracePeriod(nil))
	}
	least := sidecarGrace
	if p.killed.Err() != nil { // there is no grace period at all
		least = 0
	}
	var all sync.WaitGroup
	var before []*process
	for _, c := range p.containers {
		if proc := c.running(); proc != nil && c.role != roleSidecar {
			before = append(before, proc)
			all.Go(func() { c.shutDown(p.killed, proc, nil) })
		}
	}
	for _, c := range slices.Backward(p.containers) {
		if proc := c.running(); proc != nil && c.role == roleSidecar {
			turn := slices.Clone(before)
			before = append(before, proc)
			all.Go(func() {
				ctx, cancel := laterBy(p.killed, least)
				defer cancel()
				c.shutDown(ctx, proc, turn)
			})
		}
	}
	all.Wait()
}

// shutDown ends one container of an ending pod: preStop hook, SIGTERM when the processes before it have ended, SIGKILL when
// ctx is done.
func (c *container) shutDown(ctx context.Context, proc *process, before []*process) {
	c.event(corev1.EventTypeNormal, "Killing", "Stopping container %s", c.name)
	if hooks := c.spec.Lifecycle; hooks != nil && hooks.PreStop != nil {
		if err := c.runHook(c.pod.killed, hooks.PreStop); err != nil {
			c.event(corev1.EventTypeWarning, "FailedPreStopHook", "PreStopHook failed: %v", err)
		}
	}
	for _, other := range before {
		<-other.done
	}
	proc.end(ctx)
}

// end sends SIGTERM, and SIGKILL when ctx is done, and returns when the process has ended.
func (p *process) end(ctx context.Context) {
	p.signal(syscall.SIGTERM)
	if !wait(ctx, p.done) {
		p.signal(syscall.SIGKILL)
		<-p.done
	}
}

// laterBy is done when parent is, but not before d has passed.
func laterBy(parent context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(d, func() { context.AfterFunc(parent, cancel) })
	return ctx, cancel
}

// runHook runs a postStart or preStop hook.
func (c *container) runHook(ctx context.Context, hook *corev1.LifecycleHandler) error {
	switch {
	case hook.Exec != nil:
		cmd, err := c.command(ctx, hook.Exec.Command)
		if err != nil {
			return err
		}
		return runQuietly(cmd)
	case hook.HTTPGet != nil:
		return c.checkHTTP(ctx, hook.HTTPGet)
	case hook.Sleep != nil:
		sleep(ctx, time.Duration(hook.Sleep.Seconds)*time.Second)
	}
	return nil
}
