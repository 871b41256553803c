package controller

import (
	"time"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

const (
	// minRetry and maxRetry bound the wait before something that failed is tried again.
	minRetry = 500 * time.Millisecond
	maxRetry = 30 * time.Second
)

// backoff spaces the attempts to write objects that could not be written, each by itself: one that is refused for ever must
// not be tried with every poke, nor hold up the others. It reads no clock.
type backoff map[mesh.Key]attempt

type attempt struct {
	failures int
	next     time.Time
}

// blocks reports whether it is too early to try an object again.
func (b backoff) blocks(key mesh.Key, now time.Time) bool { return now.Before(b[key].next) }

func (b backoff) failed(key mesh.Key, now time.Time) {
	failures := b[key].failures + 1
	b[key] = attempt{failures, now.Add(min(maxRetry, minRetry<<min(failures-1, 16)))}
}

func (b backoff) succeeded(key mesh.Key) { delete(b, key) }

// next is when something may be tried again; zero for never. What could have been tried and was not is forgotten: the plan
// does not want it any more.
func (b backoff) next(now time.Time) time.Time {
	var next time.Time
	for key, a := range b {
		if !a.next.After(now) {
			delete(b, key)
			continue
		}
		next = earliest(next, a.next)
	}
	return next
}
