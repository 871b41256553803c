package controller

import "time"

const (
	// gather is how long to wait after the first poke for the others that belong to it.
	gather = 20 * time.Millisecond
	// spacing is the least time between two rounds, and maxSpacing the most that slow rounds can make of it.
	spacing    = 100 * time.Millisecond
	maxSpacing = time.Second
	// minRetry and maxRetry bound the wait after a round in which something failed.
	minRetry = 500 * time.Millisecond
	maxRetry = 30 * time.Second
)

// pace decides when the next round is due. It reads no clock.
type pace struct {
	poked    time.Time // the first poke since the last round; zero for none
	ended    time.Time // when the last round did
	took     time.Duration
	again    time.Time // when the last plan asked for another; zero for never
	failures int       // rounds in a row in which something failed
}

func (p *pace) poke(now time.Time) {
	if p.poked.IsZero() {
		p.poked = now
	}
}

// due is when to start the next round; zero while there is no reason to. A round takes its time from the machine, so that
// long ones are spaced: at most a third of the time is spent planning. Failures delay only what nobody poked for.
func (p *pace) due() time.Time {
	var due time.Time
	consider := func(t time.Time) {
		if !t.IsZero() && (due.IsZero() || t.Before(due)) {
			due = t
		}
	}
	if !p.poked.IsZero() {
		consider(p.poked.Add(gather))
	}
	consider(p.again)
	if p.failures > 0 {
		consider(p.ended.Add(min(maxRetry, minRetry<<min(p.failures-1, 16))))
	}
	if earliest := p.ended.Add(min(maxSpacing, max(spacing, 2*p.took))); !due.IsZero() && due.Before(earliest) {
		return earliest
	}
	return due
}

func (p *pace) begin() { p.poked, p.again = time.Time{}, time.Time{} }

func (p *pace) end(started, now, again time.Time, failed bool) {
	p.ended, p.took, p.again = now, now.Sub(started), again
	if failed {
		p.failures++
	} else {
		p.failures = 0
	}
}
