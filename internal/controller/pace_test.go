package controller

import (
	"testing"
	"time"
)

func TestPace(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	tests := map[string]struct {
		pace pace
		want time.Time
	}{
		"nothing to do":               {pace{}, time.Time{}},
		"a poke gathers others":       {pace{poked: at(0)}, at(20)},
		"the last round was just now": {pace{ended: at(0), poked: at(10)}, at(100)},
		"the last round is long ago":  {pace{ended: at(0), poked: at(500)}, at(520)},
		"slow rounds are spaced":      {pace{ended: at(0), took: 300 * time.Millisecond, poked: at(10)}, at(600)},
		"but not without end":         {pace{ended: at(0), took: time.Minute, poked: at(10)}, at(1000)},
		"the plan asked for another":  {pace{ended: at(0), again: at(700)}, at(700)},
		"a poke comes first":          {pace{ended: at(0), again: at(700), poked: at(200)}, at(220)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := tt.pace.due(); !got.Equal(tt.want) {
				t.Errorf("due after %v, want %v", got.Sub(start), tt.want.Sub(start))
			}
		})
	}
}

func TestPaceForgetsWhatARoundDealtWith(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := pace{again: now}
	p.poke(now)
	p.begin()
	p.end(now, now.Add(time.Millisecond), time.Time{})
	if due := p.due(); !due.IsZero() {
		t.Errorf("another round is due at %v", due)
	}
}
