package kubelet

import (
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// A container keeps one container of a pod running as its restart policy wants.
type container struct {
	containerState // guarded by the pod's mu, as are process and runs

	pod     *pod
	spec    *corev1.Container
	process *process // the present or the last one
	runs    int      // how often a process has been started, or been tried to

	attempted    chan struct{} // closed when its start has been tried
	startedOnce  chan struct{} // closed when it has started, by its probes
	settled      chan struct{} // closed when it has ended for good
	closeTried   sync.Once
	closeStarted sync.Once
}

func newContainer(p *pod, spec *corev1.Container, init bool) *container {
	c := &container{
		pod:         p,
		spec:        spec,
		attempted:   make(chan struct{}),
		startedOnce: make(chan struct{}),
		settled:     make(chan struct{}),
	}
	c.name, c.image, c.role = spec.Name, spec.Image, roleOf(spec, init)
	c.id = fmt.Sprintf("process://%s/%s", p.origin.UID, spec.Name)
	reason := "ContainerCreating"
	if len(p.origin.Spec.InitContainers) > 0 {
		reason = "PodInitializing"
	}
	c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason}}
	return c
}

// supervise starts the container, and again as often as its policy wants, until it has ended for good or the pod is to end.
func (c *container) supervise() {
	defer close(c.settled)
	crash, create := newBackoff(), newBackoff()
	for c.pod.ctx.Err() == nil {
		proc, err := c.launch()
		c.closeTried.Do(func() { close(c.attempted) })
		var refusal *refusal
		switch {
		case errors.Is(err, errStopped):
			return
		case errors.As(err, &refusal):
			if !c.awaitCreation(refusal, create.next(0)) {
				return
			}
			continue
		case err == nil:
			<-proc.done
		}
		exit := c.terminated()
		if c.pod.ctx.Err() != nil || !c.role.restarts(c.pod.origin.Spec.RestartPolicy, exit.ExitCode) {
			return
		}
		if !c.awaitRestart(crash.next(exit.FinishedAt.Sub(exit.StartedAt.Time))) {
			return
		}
	}
}

func (c *container) terminated() *corev1.ContainerStateTerminated {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.state.Terminated
}

func (c *container) succeeded() bool {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	return c.completed()
}

// A refusal says why a container could not even be created; it is tried again, and counts as no restart.
type refusal struct {
	reason  string // of the Waiting state
	backoff string // of the Waiting state until the next attempt, where that differs
	err     error
}

func (r *refusal) Error() string { return r.err.Error() }

// awaitCreation shows why the container was refused and waits for the time of the next attempt.
func (c *container) awaitCreation(r *refusal, delay time.Duration) bool {
	c.wait(r.reason, r.Error())
	if r.reason == "ErrImagePull" {
		c.event(corev1.EventTypeWarning, "Failed", "Failed to pull image %q: %v", c.image, r)
		c.event(corev1.EventTypeWarning, "Failed", "Error: ErrImagePull")
	} else {
		c.event(corev1.EventTypeWarning, "Failed", "Error: %v", r)
	}
	if r.backoff != "" {
		if !sleep(c.pod.ctx, time.Second) { // long enough for a watcher to see the first reason
			return false
		}
		c.event(corev1.EventTypeNormal, "BackOff", "Back-off pulling image %q", c.image)
		c.wait(r.backoff, fmt.Sprintf("Back-off pulling image %q: %s: %v", c.image, r.reason, r))
	}
	return sleep(c.pod.ctx, delay)
}

// awaitRestart shows the container as crash-looping and waits for the time of the next attempt.
func (c *container) awaitRestart(delay time.Duration) bool {
	object := c.pod.meta()
	name := fmt.Sprintf("%s_%s(%s)", object.Name, object.Namespace, object.UID)
	c.pod.mu.Lock()
	c.last = c.state
	c.pod.mu.Unlock()
	c.wait("CrashLoopBackOff", fmt.Sprintf("back-off %s restarting failed container=%s pod=%s", delay, c.name, name))
	c.event(corev1.EventTypeWarning, "BackOff", "Back-off restarting failed container %s in pod %s", c.name, name)
	if !sleep(c.pod.ctx, delay) {
		return false
	}
	c.pod.mu.Lock()
	c.restarts++
	c.pod.mu.Unlock()
	return true
}

func (c *container) wait(reason, message string) {
	c.pod.mu.Lock()
	c.state = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}
	c.pod.mu.Unlock()
	c.pod.publish()
}

// setRunning shows the process as running, unless the pod has been stopped meanwhile.
func (c *container) setRunning(proc *process) bool {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	if c.pod.ending {
		return false
	}
	c.process = proc
	c.started, c.ready = false, false
	c.state = corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now()}}
	return true
}

// setProbed shows what the probes found about a process, if it still is the container's.
func (c *container) setProbed(proc *process, started, ready bool) {
	c.pod.mu.Lock()
	current := c.process == proc && c.state.Running != nil
	if current {
		c.started, c.ready = started, ready
	}
	c.pod.mu.Unlock()
	if !current {
		return
	}
	if started {
		c.closeStarted.Do(func() { close(c.startedOnce) })
	}
	c.pod.publish()
}

// setTerminated shows how a process ended.
func (c *container) setTerminated(exit corev1.ContainerStateTerminated) {
	c.pod.mu.Lock()
	c.started, c.ready = false, false
	exit.FinishedAt = now()
	exit.ContainerID = c.id
	if running := c.state.Running; running != nil {
		exit.StartedAt = running.StartedAt
	} else {
		exit.StartedAt = exit.FinishedAt
	}
	c.state = corev1.ContainerState{Terminated: &exit}
	c.pod.mu.Unlock()
	c.pod.publish()
}

// running is the container's process, nil if there is none.
func (c *container) running() *process {
	c.pod.mu.Lock()
	defer c.pod.mu.Unlock()
	if c.state.Running == nil {
		return nil
	}
	return c.process
}

func (c *container) event(kind, reason, format string, args ...any) {
	c.pod.event(c, kind, reason, format, args...)
}

// fieldPath names the container in an event, as `kubectl describe` shows it.
func (c *container) fieldPath() string {
	if c.role == roleApp {
		return fmt.Sprintf("spec.containers{%s}", c.name)
	}
	return fmt.Sprintf("spec.initContainers{%s}", c.name)
}

const (
	firstBackoff = time.Second
	maxBackoff   = 30 * time.Second
)

// A backoff tells how long to wait before the next attempt: twice as long each time, anew after a run of some length. It is
// a tenth of the real kubelet's, whose five minutes nobody wants to watch.
type backoff struct{ delay time.Duration }

func newBackoff() *backoff { return &backoff{delay: firstBackoff} }

func (b *backoff) next(ran time.Duration) time.Duration {
	if ran >= 2*maxBackoff {
		b.delay = firstBackoff
	}
	delay := b.delay
	b.delay = min(2*b.delay, maxBackoff)
	return delay
}
