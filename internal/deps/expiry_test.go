package deps

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// idle is a status of a workload whose dependencies may go unused for so long.
func idle(ttl time.Duration) *v1alpha1.WorkloadScopeStatus {
	return &v1alpha1.WorkloadScopeStatus{Expiry: &v1alpha1.Expiry{IdleTTL: metav1.Duration{Duration: ttl}}}
}

// reported is a batch that the workload's own sidecars told.
func reported(at time.Time, host string) Batch {
	b := batch(at, sighting(mesh.Host(host), v1alpha1.SeenDialled, 80))
	b.Reported = at
	return b
}

// expired lists the hosts that have to go.
func expired(status *v1alpha1.WorkloadScopeStatus, now time.Time) (hosts []string) {
	for _, d := range status.Dependencies {
		if Expired(d, status.Expiry, now) {
			hosts = append(hosts, d.Host)
		}
	}
	return hosts
}

// TestExpiry goes through the table in expiry.go, with an idleTTL of 80 minutes and so a precision of ten.
func TestExpiry(t *testing.T) {
	status := idle(80 * time.Minute)
	at := func(minutes int) time.Time { return noon.Add(time.Duration(minutes) * time.Minute) }
	Merge(status, batch(at(-300), sighting("used", v1alpha1.SeenDialled, 80), sighting("unused", v1alpha1.SeenDialled, 80)))
	check := func(minutes int, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, expired(status, at(minutes))); diff != "" {
			t.Errorf("expired after %d minutes (-want +got):\n%s", minutes, diff)
		}
	}
	check(0)
	for minutes := 0; minutes <= 60; minutes += 20 {
		Merge(status, reported(at(minutes), "used"))
		check(minutes)
	}
	check(79)
	check(80, "unused")
	check(100, "unused")
	check(101) // silent for 41 minutes

	Merge(status, reported(at(120), "used"))
	check(120)
	for minutes := 140; minutes <= 180; minutes += 20 {
		Merge(status, reported(at(minutes), "used"))
		check(minutes)
	}
	check(199)
	check(200, "unused")
	Merge(status, batch(at(200), sighting("unused", v1alpha1.SeenUpstream, 80))) // the egress tells of a use as well
	check(200)
}

// A dependency that is called every half idleTTL outlives an outage of any length at any time.
func TestExpiryOutlivesOutages(t *testing.T) {
	const ttl = 240 * time.Second
	for from := time.Duration(0); from < 2*ttl; from += 7 * time.Second {
		for length := time.Duration(0); length < 2*ttl; length += 11 * time.Second {
			status := idle(ttl)
			for now := time.Duration(0); now < 6*ttl; now += 5 * time.Second {
				down := now >= from && now < from+length
				if !down && now%(20*time.Second) == 0 {
					Merge(status, reported(noon.Add(now), "often"))
				}
				if !down && now%(ttl/2) == 0 {
					Merge(status, reported(noon.Add(now), "seldom"))
				}
				if gone := expired(status, noon.Add(now)); !down && len(gone) > 0 {
					t.Fatalf("outage from %s for %s: %v expired after %s", from, length, gone, now)
				}
			}
		}
	}
}

// A workload in constant use has its times written eight times an idleTTL, or once an hour, and without an idleTTL nobody notes
// whether its sidecars report.
func TestExpiryWritesSeldom(t *testing.T) {
	for ttl, want := range map[time.Duration]int{time.Minute: 207, 8 * time.Hour: 1, 240 * time.Hour: 1, 0: 1} {
		status := idle(ttl)
		if ttl == 0 {
			status = &v1alpha1.WorkloadScopeStatus{}
		}
		l := NewLearner(LearnerConfig{})
		writes := 0
		for now := noon; now.Before(noon.Add(24 * time.Minute)); now = now.Add(time.Second) {
			for _, host := range []string{"a", "b"} {
				told := lesson(web, now, mesh.Host(host))
				told.Direct = true
				l.Add(told, status)
			}
			for _, b := range l.Take(now) {
				writes++
				Merge(status, b)
			}
		}
		if writes != want {
			t.Errorf("idleTTL %s: %d writes in 24 minutes, want %d", ttl, writes, want)
		}
		if (status.Expiry != nil) != (ttl > 0) {
			t.Errorf("idleTTL %s: expiry %+v", ttl, status.Expiry)
		}
	}
}

// Only what was learned expires, and what is dropped is told apart.
func TestDropped(t *testing.T) {
	status := idle(time.Hour)
	Merge(status, reported(noon, "used"))
	Merge(status, reported(noon, "unused"))
	Merge(status, reported(noon, "gone"))
	status.Dependencies = append(status.Dependencies, v1alpha1.Dependency{Host: "static", Source: v1alpha1.SourceHeadless, LastSeen: when(noon)})
	for minutes := 20; minutes <= 60; minutes += 20 {
		Merge(status, reported(noon.Add(time.Duration(minutes)*time.Minute), "used"))
		Merge(status, reported(noon.Add(time.Duration(minutes)*time.Minute), "gone"))
	}
	now := noon.Add(68 * time.Minute)
	if diff := cmp.Diff([]string{"unused"}, expired(status, now)); diff != "" {
		t.Errorf("expired (-want +got):\n%s", diff)
	}
	unused, gone := Dropped(*status, v1alpha1.WorkloadScopeStatus{Dependencies: status.Dependencies[3:]}, now)
	if diff := cmp.Diff([]string{"unused"}, unused); diff != "" {
		t.Errorf("unused (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"gone"}, gone); diff != "" {
		t.Errorf("gone (-want +got):\n%s", diff)
	}
}
