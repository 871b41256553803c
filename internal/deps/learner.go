package deps

import (
	"cmp"
	"slices"
	"time"

	"golang.org/x/time/rate"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// LearnerConfig sets the pace. A zero field stands for its default.
type LearnerConfig struct {
	// Window is how long a workload's further lessons are gathered after a batch of it was taken; 1 s.
	Window time.Duration
	// Rate is how many batches per second may be taken over all workloads; 50. Burst is how many at once; 100.
	Rate  float64
	Burst int
	// MaxWorkloads bounds the workloads that wait or were served within the last window; 10,000. News may take all of them, what
	// only tells that something is still used half.
	MaxWorkloads int
	// MaxPending bounds the sightings that wait for one workload; 1,000.
	MaxPending int
}

func (c LearnerConfig) withDefaults() LearnerConfig {
	return LearnerConfig{
		Window:       cmp.Or(c.Window, time.Second),
		Rate:         cmp.Or(c.Rate, 50),
		Burst:        cmp.Or(c.Burst, 100),
		MaxWorkloads: cmp.Or(c.MaxWorkloads, 10_000),
		MaxPending:   cmp.Or(c.MaxPending, MaxLearned),
	}
}

// Batch is what was learned of one workload within a window.
type Batch struct {
	Workload mesh.WorkloadKey
	Services []Sighting // sorted, without duplicates
	// First and Last are when the first and the last of its lessons arrived.
	First, Last time.Time
	// Reported is when the workload's own sidecars last reported one of them; zero if none was.
	Reported time.Time
	// News tells that there is more to it than that something is still used.
	News bool
}

// Verdict is what became of a lesson, short enough for the label of a metric.
type Verdict string

// The verdicts on a lesson.
const (
	Pending  Verdict = "pending"  // something in it is new, and waits to be taken
	Repeated Verdict = "repeated" // the scope has it all, or it waits already
	Overflow Verdict = "overflow" // too much waits: dropped, and taught again by the next request
)

// Learner gathers lessons and hands them out at a pace the API server can bear: the first new dependency of a workload at
// once, those of the next second together, and no more than so many workloads per second. It reads no clock: all times are
// the caller's, and must not go back. It may not be used by several goroutines at once.
type Learner struct {
	cfg       LearnerConfig
	bucket    *rate.Limiter
	workloads map[mesh.WorkloadKey]*lessons
}

// lessons is what waits for one workload.
type lessons struct {
	sightings             map[Sighting]struct{}
	first, last, reported time.Time
	news                  bool
	// due is when the next batch may be taken.
	due time.Time
}

// NewLearner makes a learner that has learned nothing.
func NewLearner(cfg LearnerConfig) *Learner {
	cfg = cfg.withDefaults()
	return &Learner{
		cfg:       cfg,
		bucket:    rate.NewLimiter(rate.Limit(cfg.Rate), cfg.Burst),
		workloads: map[mesh.WorkloadKey]*lessons{},
	}
}

// Add takes in a lesson. What the status of the workload's scope tells already costs nothing further.
func (l *Learner) Add(lesson Lesson, status *v1alpha1.WorkloadScopeStatus) Verdict {
	batch := Batch{Workload: lesson.Workload, First: lesson.At, Last: lesson.At}
	if lesson.Direct {
		batch.Reported = lesson.At
	}
	for _, s := range lesson.Services {
		known, current := compare(status, s, lesson)
		if !current {
			batch.Services = append(batch.Services, s)
		}
		batch.News = batch.News || !known
	}
	return l.add(batch)
}

// Return puts back a batch that could not be merged. It waits for the workload's next window.
func (l *Learner) Return(batch Batch) Verdict { return l.add(batch) }

func (l *Learner) add(batch Batch) Verdict {
	verdict, most := Repeated, l.cfg.MaxWorkloads
	if !batch.News {
		most /= 2
	}
	for _, s := range batch.Services {
		waiting := l.workloads[batch.Workload]
		if waiting == nil {
			if len(l.workloads) >= most {
				return Overflow
			}
			waiting = &lessons{sightings: map[Sighting]struct{}{}}
			l.workloads[batch.Workload] = waiting
		}
		if _, waits := waiting.sightings[s]; waits {
			continue
		}
		if len(waiting.sightings) >= l.cfg.MaxPending {
			return Overflow
		}
		if len(waiting.sightings) == 0 {
			waiting.first, waiting.last, waiting.reported, waiting.news = batch.First, batch.Last, batch.Reported, false
		}
		waiting.sightings[s] = struct{}{}
		waiting.first, waiting.last = earlier(waiting.first, batch.First), later(waiting.last, batch.Last)
		waiting.reported, waiting.news = later(waiting.reported, batch.Reported), waiting.news || batch.News
		verdict = Pending
	}
	return verdict
}

// Take hands out the batches that are due: first those with news, which a request may be waiting for, and of each kind those that
// wait longest.
func (l *Learner) Take(now time.Time) []Batch {
	l.forget(now)
	var batches []Batch
	for _, key := range l.dueBy(now) {
		if !l.bucket.AllowN(now, 1) {
			break
		}
		waiting := l.workloads[key]
		batches = append(batches, waiting.batch(key))
		clear(waiting.sightings)
		waiting.due = now.Add(l.cfg.Window)
	}
	return batches
}

// Rest hands out all that waits, whether due or not: whoever stops has no time to keep the pace.
func (l *Learner) Rest() []Batch {
	var batches []Batch
	for key, waiting := range l.workloads {
		if len(waiting.sightings) > 0 {
			batches = append(batches, waiting.batch(key))
		}
	}
	clear(l.workloads)
	slices.SortFunc(batches, func(a, b Batch) int {
		return cmp.Or(newsFirst(a.News, b.News), a.First.Compare(b.First), a.Workload.Compare(b.Workload))
	})
	return batches
}

// Next is when Take will have something to hand out, at the earliest; the zero time while nothing waits.
func (l *Learner) Next(now time.Time) time.Time {
	var next time.Time
	for _, waiting := range l.workloads {
		if len(waiting.sightings) > 0 && (next.IsZero() || waiting.due.Before(next)) {
			next = later(waiting.due, now)
		}
	}
	if next.IsZero() {
		return next
	}
	if missing := 1 - l.bucket.TokensAt(now); missing > 0 {
		next = later(next, now.Add(time.Duration(missing/l.cfg.Rate*float64(time.Second))+time.Millisecond))
	}
	return next
}

// forget drops the workloads that wait for nothing and whose window is over.
func (l *Learner) forget(now time.Time) {
	for key, waiting := range l.workloads {
		if len(waiting.sightings) == 0 && !waiting.due.After(now) {
			delete(l.workloads, key)
		}
	}
}

// dueBy lists the workloads whose lessons may be taken now.
func (l *Learner) dueBy(now time.Time) []mesh.WorkloadKey {
	var due []mesh.WorkloadKey
	for key, waiting := range l.workloads {
		if len(waiting.sightings) > 0 && !waiting.due.After(now) {
			due = append(due, key)
		}
	}
	slices.SortFunc(due, func(a, b mesh.WorkloadKey) int {
		x, y := l.workloads[a], l.workloads[b]
		return cmp.Or(newsFirst(x.news, y.news), x.first.Compare(y.first), a.Compare(b))
	})
	return due
}

// newsFirst orders what has news before what has not.
func newsFirst(a, b bool) int {
	switch {
	case a && !b:
		return -1
	case b && !a:
		return 1
	}
	return 0
}

func (w *lessons) batch(key mesh.WorkloadKey) Batch {
	b := Batch{Workload: key, First: w.first, Last: w.last, Reported: w.reported, News: w.news}
	for s := range w.sightings {
		b.Services = append(b.Services, s)
	}
	slices.SortFunc(b.Services, Sighting.compare)
	return b
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
