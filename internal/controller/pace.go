package controller

import "time"

const (
	// gather is how long to wait after the first poke for the others that belong to it.
	gather = 20 * time.Millisecond
	// spacing is the least time between two rounds, and maxSpacing the most that slow rounds can make of it.
	spacing    = 100 * time.Millisecond
	maxSpacing = time.Second
)

// pace decides when the next round is due. It reads no clock.
type pace struct {
	poked time.Time // the first poke since the last round; zero for none
	ended time.Time // when the last round did
	took  time.Duration
	again time.Time // when the last round asked for another; zero for never
}

func (p *pace) poke(now time.Time) {
	if p.poked.IsZero() {
		p.poked = now
	}
}

// due is when to start the next round; zero while there is no reason to. Long rounds are spaced, so that at most a third of
// the time is spent in them.
func (p *pace) due() time.Time {
	due := p.again
	if !p.poked.IsZero() {
		due = earliest(due, p.poked.Add(gather))
	}
	if soonest := p.ended.Add(min(maxSpacing, max(spacing, 2*p.took))); !due.IsZero() && due.Before(soonest) {
		return soonest
	}
	return due
}

func (p *pace) begin() { p.poked, p.again = time.Time{}, time.Time{} }

func (p *pace) end(started, now, again time.Time) {
	p.ended, p.took, p.again = now, now.Sub(started), again
}

// earliest returns the earlier of two times, of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
