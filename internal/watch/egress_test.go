package watch

import (
	"testing"
	"time"
)

func TestStanding(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	const never = -1
	tests := map[string]struct {
		down []bool // at each second
		want int    // the second since when it is as it is last
	}{
		"always stood":        {[]bool{false, false}, never},
		"down from the start": {[]bool{true, true, true}, 0},
		"fell":                {[]bool{false, true, true}, 1},
		"came back":           {[]bool{true, false, false}, 1},
		"fell again":          {[]bool{true, false, true, true}, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var s standing
			var got time.Time
			for second, down := range tt.down {
				got = s.note(down, start.Add(time.Duration(second)*time.Second))
			}
			if got.IsZero() != (tt.want == never) || tt.want != never && !got.Equal(start.Add(time.Duration(tt.want)*time.Second)) {
				t.Errorf("since %v, want second %d", got, tt.want)
			}
		})
	}
}
