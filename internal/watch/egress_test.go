package watch

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	discoveryv1 "k8s.io/api/discovery/v1"
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

func TestEgressEndpoints(t *testing.T) {
	yes, no := true, false
	slice := &discoveryv1.EndpointSlice{Endpoints: []discoveryv1.Endpoint{
		{Addresses: []string{"10.0.0.9"}, Conditions: discoveryv1.EndpointConditions{Ready: &yes}},
		{Addresses: []string{"10.0.0.10"}, Conditions: discoveryv1.EndpointConditions{Ready: &no}},
		{Addresses: []string{"fd00::9"}},
	}}
	if ready := readyEndpoints(slice); ready != 2 {
		t.Errorf("%d are ready, want 2", ready)
	}
	want := []netip.Addr{netip.MustParseAddr("10.0.0.9"), netip.MustParseAddr("10.0.0.10"), netip.MustParseAddr("fd00::9")}
	if got := addresses(slice); !slices.Equal(got, want) {
		t.Errorf("addresses %v, want %v", got, want)
	}
}
