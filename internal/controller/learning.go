package controller

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/apply"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/deps"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
	"github.com/lazyxds/lazyxds/internal/watch"
)

const (
	// mergeTimeout bounds one write; what it was to write is tried again.
	mergeTimeout = 5 * time.Second
	// scopeless is how long a lesson waits for its workload's scope to appear.
	scopeless = 10 * time.Second
	// flushTime bounds the writing of what waits when the controller stops.
	flushTime = 2 * time.Second
)

// reasonNoScope is the reason why a lesson is dropped: its workload is not lazy, or not any more.
const reasonNoScope = "no_scope"

// errNoScope tells that a workload has no WorkloadScope.
var errNoScope = errors.New("no WorkloadScope")

// Learning writes what observations teach into WorkloadScopes.
type Learning struct {
	watch   *watch.Watch
	apply   *apply.Applier
	learner *deps.Learner
	domain  string
	metrics *Metrics
	log     *slog.Logger

	directory *deps.Directory
	version   int64 // of the services in the directory
	merged    chan merge
	inFlight  sync.WaitGroup
}

// merge is the outcome of writing a batch.
type merge struct {
	batch deps.Batch
	err   error
}

// NewLearning makes a learning; clusterDomain ends the names of Kubernetes Services.
func NewLearning(w *watch.Watch, a *apply.Applier, clusterDomain string, metrics *Metrics, log *slog.Logger) *Learning {
	return &Learning{
		watch: w, apply: a, learner: deps.NewLearner(deps.LearnerConfig{}), domain: clusterDomain,
		metrics: metrics, log: log, merged: make(chan merge),
	}
}

// Run learns from observations until ctx ends. Then it takes in what is still queued, once drained tells that nothing more is
// coming, and writes it.
func (l *Learning) Run(ctx context.Context, observations <-chan mesh.Observation, drained <-chan struct{}) {
	if l.watch.WaitForSync(ctx) != nil {
		return
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		if next := l.learner.Next(time.Now()); !next.IsZero() {
			timer.Reset(time.Until(next))
		} else {
			timer.Stop()
		}
		select {
		case <-ctx.Done():
			<-drained
			l.flush(observations)
			return
		case o := <-observations:
			l.observe(o)
		case m := <-l.merged:
			l.settle(m, time.Now())
		case <-timer.C:
			l.start(ctx)
		}
	}
}

// observe turns an observation into a lesson, where it is one.
func (l *Learning) observe(o mesh.Observation) {
	lesson, err := deps.Resolve(o, l.watch.Tenancies(o.Source), l.services())
	if unresolved, ok := errors.AsType[deps.Unresolved](err); ok {
		l.metrics.unresolved.WithLabelValues(string(unresolved.Reason)).Inc()
		l.log.Debug("observation teaches nothing", "error", err, "source", o.Source, "dialled", o.Dialled, "authority", o.Authority,
			"upstream", o.Upstream)
		return
	}
	known := &v1alpha1.WorkloadScopeStatus{}
	if scope, ok := l.scope(lesson.Workload); ok {
		known = &scope.Status
	}
	if l.learner.Add(lesson, known) == deps.Overflow {
		l.metrics.unresolved.WithLabelValues(string(deps.Overflow)).Inc()
	}
}

// services is the directory of the services there are now.
func (l *Learning) services() *deps.Directory {
	if version := l.watch.ServicesVersion(); l.directory == nil || version != l.version {
		l.version = version
		l.directory = deps.NewDirectory(l.watch.Services(), l.domain)
	}
	return l.directory
}

// scope is the WorkloadScope that counts for a workload, in case there are several.
func (l *Learning) scope(workload mesh.WorkloadKey) (*v1alpha1.WorkloadScope, bool) {
	scopes := l.watch.ScopesOf(workload)
	switch len(scopes) {
	case 0:
		return nil, false
	case 1:
		return scopes[0], true
	}
	var candidates []mesh.Scope
	for _, scope := range scopes {
		candidates = append(candidates, convert.Scope(scope))
	}
	return l.watch.Scope(plan.Scopes(candidates)[workload].Key)
}

// start writes the batches that are due, beside each other: the learner paces them.
func (l *Learning) start(ctx context.Context) {
	for _, batch := range l.learner.Take(time.Now()) {
		l.inFlight.Go(func() { l.merged <- merge{batch, l.merge(ctx, batch)} })
	}
}

// merge writes a batch into its workload's scope.
func (l *Learning) merge(ctx context.Context, batch deps.Batch) error {
	scope, ok := l.scope(batch.Workload)
	if !ok {
		return errNoScope
	}
	ctx, cancel := context.WithTimeout(ctx, mergeTimeout)
	defer cancel()
	var learned []string
	_, err := l.apply.Status(ctx, scope, func(s v1alpha1.WorkloadScopeStatus) v1alpha1.WorkloadScopeStatus {
		_, learned = deps.Merge(&s, batch)
		return s
	})
	if err != nil {
		return err
	}
	l.metrics.merged(batch.Workload, learned, batch.First)
	if len(learned) > 0 {
		l.log.Info("learned", "workload", batch.Workload.String(), "hosts", learned, "after", time.Since(batch.First).Round(time.Millisecond).String())
	}
	return nil
}

// settle sees to a batch that could not be written.
func (l *Learning) settle(m merge, now time.Time) {
	switch {
	case m.err == nil:
		return
	case errors.Is(m.err, errNoScope) && now.Sub(m.batch.First) > scopeless:
		l.metrics.unresolved.WithLabelValues(reasonNoScope).Add(float64(len(m.batch.Services)))
		return
	case !errors.Is(m.err, errNoScope):
		l.log.Error("lesson not written, trying again", "workload", m.batch.Workload.String(), "error", m.err)
	}
	l.learner.Return(m.batch)
}

// flush takes in what is queued and writes all that waits, whether due or not.
func (l *Learning) flush(observations <-chan mesh.Observation) {
	ctx, cancel := context.WithTimeout(context.Background(), flushTime)
	defer cancel()
	for len(observations) > 0 {
		l.observe(<-observations)
	}
	go func() { l.inFlight.Wait(); close(l.merged) }()
	for m := range l.merged {
		l.settle(m, time.Now())
	}
	var writes sync.WaitGroup
	for _, batch := range l.learner.Rest() {
		writes.Go(func() {
			if err := l.merge(ctx, batch); err != nil && !errors.Is(err, errNoScope) {
				l.log.Warn("lesson lost", "workload", batch.Workload.String(), "error", err)
			}
		})
	}
	writes.Wait()
}
