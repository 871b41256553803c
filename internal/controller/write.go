package controller

import (
	"context"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/deps"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
)

const (
	// maxWrites is how many objects one round writes at most.
	maxWrites = 100
	// maxFailures is how many of them may fail before the round gives up: the API server itself has a problem.
	maxFailures = 10
)

// budget is what is left of a round's writes.
type budget struct {
	writes, failures int
}

func (b *budget) exhausted() bool { return b.writes <= 0 || b.failures <= 0 }

// changes carries out what it can. When a change fails, later ones of the same object's name have to wait: a Sidecar must not
// go in without its divert rule.
func (c *Controller) changes(ctx context.Context, changes []plan.Change, now time.Time, b *budget) {
	for _, change := range changes {
		if b.exhausted() || ctx.Err() != nil {
			return
		}
		if c.backoff.blocks(change.Key, now) {
			continue
		}
		b.writes--
		err := c.apply.Change(ctx, change)
		if apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			c.backoff.failed(change.Key, now) // the workload goes with its namespace
			continue
		}
		c.metrics.applied(change, err, time.Now())
		if err != nil {
			b.failures--
			c.backoff.failed(change.Key, now)
			c.log.Error("change failed", "error", err, "why", change.Why)
			continue
		}
		c.backoff.succeeded(change.Key)
		c.log.Info("changed", "verb", change.Verb, "kind", change.Kind(), "object", change.Key.String(), "why", change.Why)
	}
}

// statuses writes what the plan says of each workload into its scope, where that differs. It returns what people should know
// of it.
func (c *Controller) statuses(ctx context.Context, workloads []plan.Workload, now time.Time, b *budget) (notices []plan.Notice) {
	for i := range workloads {
		if b.exhausted() || ctx.Err() != nil {
			break
		}
		workload := &workloads[i]
		key := mesh.Key{Namespace: workload.Key.Namespace, Name: workload.ScopeName}
		scope, ok := c.watch.Scope(key)
		if !ok || c.backoff.blocks(key, now) {
			continue // one that is just being created, or deleted, pokes when that is seen
		}
		rewrite, err := c.apply.Status(ctx, scope, func(s v1alpha1.WorkloadScopeStatus) v1alpha1.WorkloadScopeStatus {
			return workload.Status(s, now)
		})
		switch {
		case err != nil:
			b.writes, b.failures = b.writes-1, b.failures-1
			c.backoff.failed(key, now)
			c.log.Error("status not written", "error", err)
		case rewrite != nil:
			b.writes--
			c.backoff.succeeded(key)
			unused, gone := deps.Dropped(rewrite.Before, rewrite.After, now)
			c.metrics.dropped(len(unused), len(gone))
			if len(unused) > 0 {
				c.log.Info("expired", "workload", workload.Key.String(), "hosts", unused)
				notices = append(notices, workload.Unused(unused))
			}
		}
	}
	return notices
}
