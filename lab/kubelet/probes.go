package kubelet

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// quickRetry is how often startup and readiness are looked at until they are given for the first time. The real kubelet
// waits a whole period; the lab's meshes shall be ready sooner. Such extra looks never count as failures.
const quickRetry = 200 * time.Millisecond

// probe watches over a process until it ends: startup first, then liveness and readiness.
func (c *container) probe(proc *process) {
	ctx, cancel := context.WithCancel(c.pod.ctx)
	defer cancel()
	go func() {
		defer cancel()
		wait(ctx, proc.done)
	}()
	if spec := c.spec.StartupProbe; spec != nil {
		up := false
		c.poll(ctx, spec, "Startup", true, func(v verdict) bool {
			if v == failing {
				c.restartUnhealthy(proc, "startup")
			}
			up = v == passing
			return v == undecided
		})
		if !up {
			return
		}
	}
	if spec := c.spec.LivenessProbe; spec != nil {
		c.pod.tasks.Go(func() {
			c.poll(ctx, spec, "Liveness", false, func(v verdict) bool {
				if v == failing {
					c.restartUnhealthy(proc, "liveness")
				}
				return v != failing
			})
		})
	}
	spec := c.spec.ReadinessProbe
	c.setProbed(proc, true, spec == nil)
	if spec == nil {
		<-ctx.Done()
		return
	}
	c.poll(ctx, spec, "Readiness", true, func(v verdict) bool {
		if v != undecided {
			c.setProbed(proc, true, v == passing)
		}
		return true
	})
}

// poll probes again and again and tells each verdict, until that wants no more or ctx is done.
func (c *container) poll(ctx context.Context, spec *corev1.Probe, name string, quick bool, tell func(verdict) bool) {
	period := time.Duration(max(spec.PeriodSeconds, 1)) * time.Second
	if !sleep(ctx, time.Duration(spec.InitialDelaySeconds)*time.Second) {
		return
	}
	due := time.Now().Add(period)
	if !quick && !sleep(ctx, period) {
		return
	}
	count := newTally(spec)
	for {
		err := c.check(ctx, spec)
		if ctx.Err() != nil {
			return
		}
		onTime := !time.Now().Before(due)
		if err != nil && onTime {
			c.event(corev1.EventTypeWarning, "Unhealthy", "%s probe failed: %v", name, err)
		}
		if onTime {
			due = time.Now().Add(period)
		}
		if err == nil || onTime {
			quick = quick && err != nil
			if !tell(count.add(err == nil)) {
				return
			}
		}
		pause := time.Until(due)
		if quick {
			pause = min(pause, quickRetry)
		}
		if !sleep(ctx, pause) {
			return
		}
	}
}

// restartUnhealthy ends a process that its probe found to be beyond hope.
func (c *container) restartUnhealthy(proc *process, probe string) {
	c.event(corev1.EventTypeNormal, "Killing", "Container %s failed %s probe, will be restarted", c.name, probe)
	c.endWithGrace(proc)
}

// endWithGrace ends one process of a pod that lives on.
func (c *container) endWithGrace(proc *process) {
	ctx, cancel := context.WithTimeout(c.pod.killed, c.pod.gracePeriod(nil))
	defer cancel()
	proc.end(ctx)
}

// A verdict is what a row of probe results means.
type verdict int

const (
	undecided verdict = iota
	passing
	failing
)

// A tally counts equal results in a row.
type tally struct {
	successes, failures                int32
	successThreshold, failureThreshold int32
}

func newTally(spec *corev1.Probe) *tally {
	t := &tally{successThreshold: spec.SuccessThreshold, failureThreshold: spec.FailureThreshold}
	if t.successThreshold <= 0 {
		t.successThreshold = 1
	}
	if t.failureThreshold <= 0 {
		t.failureThreshold = 3
	}
	return t
}

func (t *tally) add(ok bool) verdict {
	if ok {
		t.successes, t.failures = t.successes+1, 0
	} else {
		t.successes, t.failures = 0, t.failures+1
	}
	switch {
	case t.successes >= t.successThreshold:
		return passing
	case t.failures >= t.failureThreshold:
		return failing
	}
	return undecided
}
