package controller

import (
	"context"
	"time"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
)

// maxWrites is how many objects one round writes at most.
const maxWrites = 100

// writes is the share of a round.
type writes struct {
	left   int
	failed bool
}

// changes carries out what it can. When a change fails, later ones of the same objects have to wait: a Sidecar must not go
// in without its divert rule.
func (c *Controller) changes(ctx context.Context, changes []plan.Change, w *writes) {
	failed := map[mesh.Key]bool{}
	for _, change := range changes {
		if w.left == 0 || ctx.Err() != nil {
			return
		}
		if failed[change.Key] {
			continue
		}
		w.left--
		err := c.apply.Change(ctx, change)
		c.metrics.applied(change, err, time.Now())
		if err != nil {
			failed[change.Key], w.failed = true, true
			c.log.Error("change failed", "error", err, "why", change.Why)
			continue
		}
		c.log.Info("changed", "verb", change.Verb, "kind", change.Kind(), "object", change.Key.String(), "why", change.Why)
	}
}

// statuses writes what the plan says of each workload into its scope, where that differs.
func (c *Controller) statuses(ctx context.Context, workloads []plan.Workload, now time.Time, w *writes) {
	for i := range workloads {
		workload := &workloads[i]
		if w.left == 0 || ctx.Err() != nil {
			return
		}
		scope, ok := c.watch.Scope(mesh.Key{Namespace: workload.Key.Namespace, Name: workload.ScopeName})
		if !ok {
			continue // just being created, or just deleted: its event pokes
		}
		rewrite, err := c.apply.Status(ctx, scope, func(s v1alpha1.WorkloadScopeStatus) v1alpha1.WorkloadScopeStatus {
			return workload.Status(s, now)
		})
		switch {
		case err != nil:
			w.left, w.failed = w.left-1, true
			c.log.Error("status not written", "error", err)
		case rewrite != nil:
			w.left--
			c.metrics.expired(rewrite)
		}
	}
}
