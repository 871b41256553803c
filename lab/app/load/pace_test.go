package load

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace(t *testing.T) {
	tests := []struct {
		name     string
		schedule schedule
		takes    time.Duration // each request
		sent     int32
		ended    time.Duration
	}{
		{"evenly until the end", schedule{rps: 10, duration: time.Second, concurrency: 1}, time.Millisecond, 10, 901 * time.Millisecond},
		{"a number of requests", schedule{rps: 10, requests: 5, concurrency: 1}, 0, 5, 400 * time.Millisecond},
		{"without a rate", schedule{requests: 100, concurrency: 10}, time.Second, 100, 10 * time.Second},
		{"slow server", schedule{rps: 100, duration: time.Second, concurrency: 2}, 300 * time.Millisecond, 8, 1210 * time.Millisecond},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var sent, inFlight atomic.Int32
				pace(t.Context(), tt.schedule, func(int) {
					if n := inFlight.Add(1); int(n) > tt.schedule.concurrency {
						t.Errorf("%d in flight", n)
					}
					time.Sleep(tt.takes)
					inFlight.Add(-1)
					sent.Add(1)
				})
				if sent.Load() != tt.sent || time.Since(start) != tt.ended {
					t.Errorf("sent %d in %s, want %d in %s", sent.Load(), time.Since(start), tt.sent, tt.ended)
				}
			})
		})
	}
}

func TestPaceEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 250*time.Millisecond)
		defer cancel()
		var done atomic.Int32
		pace(ctx, schedule{rps: 10, concurrency: 5}, func(int) {
			time.Sleep(time.Second)
			done.Add(1)
		})
		if got := done.Load(); got != 3 {
			t.Errorf("%d requests came to their end, want all 3 sent before the context ended", got)
		}
	})
}
