package controller

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/lazyxds/lazyxds/internal/deps"
)

func TestBatchesThatCouldNotBeWritten(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	tests := map[string]struct {
		err     error
		after   time.Duration
		waits   bool
		dropped float64
	}{
		"written":                         {nil, 0, false, 0},
		"the scope is not there yet":      {errNoScope, time.Second, true, 0},
		"there is still none":             {errNoScope, time.Minute, false, 1},
		"the API server does not answer":  {errors.New("timeout"), time.Second, true, 0},
		"it has not answered for an hour": {errors.New("timeout"), time.Hour, true, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			l := &Learning{
				learner: deps.NewLearner(deps.LearnerConfig{}), metrics: NewMetrics(prometheus.NewRegistry()),
				log: slog.New(slog.DiscardHandler),
			}
			batch := deps.Batch{Workload: web, Services: []deps.Sighting{{Host: "reviews.demo.svc.cluster.local"}}, First: start, Last: start}
			now := start.Add(tt.after)
			l.settle(merge{batch, tt.err}, now)
			if waits := !l.learner.Next(now).IsZero(); waits != tt.waits {
				t.Errorf("waits = %v, want %v", waits, tt.waits)
			}
			if got := testutil.ToFloat64(l.metrics.unresolved.WithLabelValues(reasonNoScope)); got != tt.dropped {
				t.Errorf("dropped = %v, want %v", got, tt.dropped)
			}
		})
	}
}
