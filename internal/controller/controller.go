package controller

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lazyxds/lazyxds/internal/apply"
	"github.com/lazyxds/lazyxds/internal/plan"
	"github.com/lazyxds/lazyxds/internal/watch"
)

// Controller plans and applies, on the replica that leads.
type Controller struct {
	watch   *watch.Watch
	apply   *apply.Applier
	cfg     plan.Config
	events  *Events
	metrics *Metrics
	log     *slog.Logger
	pokes   <-chan struct{}
	pace    pace
	backoff backoff
}

// New makes a controller that takes a round after each poke. Pokes may be lost while one waits to be read.
func New(
	w *watch.Watch, a *apply.Applier, cfg plan.Config, events *Events, metrics *Metrics, log *slog.Logger, pokes <-chan struct{},
) *Controller {
	return &Controller{
		watch: w, apply: a, cfg: cfg, events: events, metrics: metrics, log: log, pokes: pokes, backoff: backoff{},
	}
}

// Start takes rounds until ctx ends, the first one once everything that was learned before has been loaded.
func (c *Controller) Start(ctx context.Context) error {
	if err := c.watch.WaitForSync(ctx); err != nil {
		return fmt.Errorf("start planning: %w", err)
	}
	c.log.Info("planning starts")
	c.pace.poke(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if due := c.pace.due(); !due.IsZero() {
			timer.Reset(time.Until(due))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.pokes:
			c.pace.poke(time.Now())
		case <-timer.C:
			c.turn(ctx)
		}
	}
}

// NeedLeaderElection tells the manager to start it on the leader alone.
func (c *Controller) NeedLeaderElection() bool { return true }

// turn takes one round and notes when the next one is due.
func (c *Controller) turn(ctx context.Context) {
	started := time.Now()
	c.pace.begin()
	again, finished := c.round(ctx, started)
	c.pace.end(started, time.Now(), earliest(again, c.backoff.next(started)))
	if !finished {
		c.pace.poke(time.Now())
	}
}

// round brings the cluster closer to what it should be:
//
//  1. take a snapshot of the mesh
//  2. plan: what should be, and the changes that lead there
//  3. carry out the changes, in their order
//  4. write what is known of each workload into its WorkloadScope
//  5. tell: events and metrics
//
// A round writes a limited number of objects, and reports whether that was enough: in a mesh that changes, what comes first
// may be different meanwhile. It returns when to take the next one even if nothing happens; zero for never.
func (c *Controller) round(ctx context.Context, now time.Time) (again time.Time, finished bool) {
	snapshot, err := c.watch.Snapshot()
	if err != nil {
		c.log.Error("objects left out of the snapshot", "error", err)
	}
	p := plan.Make(snapshot, c.cfg, now)
	c.log.Debug("planned", "workloads", len(p.Workloads), "changes", len(p.Changes), "took", time.Since(now))

	b := budget{writes: maxWrites, failures: maxFailures}
	c.changes(ctx, p.Changes, now, &b)
	expired := c.statuses(ctx, p.Workloads, now, &b)

	c.events.Tell(slices.Concat(p.Notices, expired))
	c.metrics.observe(snapshot, p)
	return p.Again, b.writes > 0
}
