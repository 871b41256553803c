package controller

import (
	"context"
	"fmt"
	"log/slog"
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
}

// New makes a controller that takes a round after each poke. Pokes may be lost while one waits to be read.
func New(
	w *watch.Watch, a *apply.Applier, cfg plan.Config, events *Events, metrics *Metrics, log *slog.Logger, pokes <-chan struct{},
) *Controller {
	return &Controller{watch: w, apply: a, cfg: cfg, events: events, metrics: metrics, log: log, pokes: pokes}
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
	outcome := c.round(ctx, started)
	if ctx.Err() != nil {
		return
	}
	c.pace.end(started, time.Now(), outcome.again, outcome.failed)
	if outcome.unfinished {
		c.pace.poke(time.Now())
	}
}

// outcome tells how a round went.
type outcome struct {
	again      time.Time // when the plan asks for another round; zero for never
	failed     bool      // something has to be tried again
	unfinished bool      // the round's share of writes was not enough
}

// round brings the cluster closer to what it should be:
//
//  1. take a snapshot of the mesh
//  2. plan: what should be, and the changes that lead there
//  3. carry out the changes, in their order
//  4. write what is known of each workload into its WorkloadScope
//  5. tell: events and metrics
//
// A round writes a limited number of objects: in a mesh that changes, what comes first may be different meanwhile.
func (c *Controller) round(ctx context.Context, now time.Time) outcome {
	snapshot, err := c.watch.Snapshot()
	if err != nil {
		c.log.Error("objects left out of the snapshot", "error", err)
	}
	p := plan.Make(snapshot, c.cfg, now)
	c.log.Debug("planned", "workloads", len(p.Workloads), "changes", len(p.Changes), "took", time.Since(now))

	w := writes{left: maxWrites}
	c.changes(ctx, p.Changes, &w)
	c.statuses(ctx, p.Workloads, now, &w)

	c.events.Tell(p.Notices)
	c.metrics.observe(snapshot, p)
	return outcome{again: p.Again, failed: w.failed, unfinished: w.left == 0}
}
