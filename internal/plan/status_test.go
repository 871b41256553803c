package plan

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 500, time.UTC)

func observedAt(host string, at time.Time) v1alpha1.Dependency {
	seen := metav1.NewTime(at)
	return v1alpha1.Dependency{
		Host: host, Namespace: "demo", Source: v1alpha1.SourceObserved, Ports: []int32{9080}, FirstSeen: &seen, LastSeen: &seen,
		SeenAs: []v1alpha1.Sighting{v1alpha1.SeenAuthority, v1alpha1.SeenDialled},
	}
}

func lazyWorkload(hosts ...ScopedHost) Workload {
	services := []mesh.Service{{Key: mesh.Key{Namespace: "demo", Name: "reviews"}, Host: "reviews.demo"}}
	return Workload{
		Key:      mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"},
		Selector: map[string]string{"app": "web"},
		Hosts:    hosts, Accepted: accepted, Ready: Condition{true, "Lazy", ""},
		generation: 4, catalog: newCatalog(&mesh.Snapshot{Services: services}, nil),
	}
}

// TestStatusKeepsWhatWasLearned: lessons about services that exist stay as they are, also those that the plan does not know
// yet; those about services that are gone go, unless they are so fresh that the plan may be the one that is behind.
func TestStatusKeepsWhatWasLearned(t *testing.T) {
	w := lazyWorkload(
		ScopedHost{Namespace: "default", Host: "kubernetes.default", Source: v1alpha1.SourceSystem, service: true},
		ScopedHost{Namespace: "routing", Host: "reviews.demo", Source: v1alpha1.SourceRoute},
		ScopedHost{Namespace: "other", Host: "*", Source: v1alpha1.SourceInclude, pattern: true},
	)
	kept := observedAt("reviews.demo", noon.Add(-24*time.Hour))
	fresh := observedAt("new.demo", noon.Add(-time.Second))
	prev := v1alpha1.WorkloadScopeStatus{Dependencies: []v1alpha1.Dependency{
		observedAt("deleted.demo", noon.Add(-time.Hour)), fresh, kept,
		{Host: "left.demo", Namespace: "demo", Source: v1alpha1.SourceHeadless},
	}}
	got := w.Status(prev, noon)
	want := []v1alpha1.Dependency{
		{Host: "kubernetes.default", Namespace: "default", Source: v1alpha1.SourceSystem}, fresh, kept,
	}
	if diff := cmp.Diff(want, got.Dependencies); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got.Services != 1 || got.Learned != 0 || got.ObservedGeneration != 4 {
		t.Errorf("got %d services, %d learned, generation %d", got.Services, got.Learned, got.ObservedGeneration)
	}
	if diff := cmp.Diff(got, w.Status(got, noon.Add(3*time.Second))); diff != "" {
		t.Errorf("nothing is new, but the status is (-then +now):\n%s", diff)
	}
}

// TestFreshLessonsAreLookedAtAgain: a lesson about a service that is gone does not stay until something else happens.
func TestFreshLessonsAreLookedAtAgain(t *testing.T) {
	seen := noon.Add(-time.Second)
	snapshot := mesh.Snapshot{Scopes: []mesh.Scope{{
		Key: mesh.Key{Namespace: "demo", Name: "deployment-web"}, Workload: mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"},
		Mode: "true", Dependencies: []mesh.Dependency{{Host: "deleted.demo", FirstSeen: seen}},
	}}}
	if again := Make(&snapshot, Config{GoneTTL: time.Hour}, noon).Again; !again.Equal(seen.Add(young)) {
		t.Errorf("the next plan is due at %s, want %s", again, seen.Add(young))
	}
}

func TestStatusOfDuplicateKeepsEverything(t *testing.T) {
	w := Workload{frozen: true, Accepted: Condition{false, "Duplicate", ""}, Ready: Condition{false, "Duplicate", ""}}
	prev := v1alpha1.WorkloadScopeStatus{Dependencies: []v1alpha1.Dependency{observedAt("x", noon)}}
	if diff := cmp.Diff(prev.Dependencies, w.Status(prev, noon.Add(time.Hour)).Dependencies); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestConditionTimes: a condition's time is that of its last change, but for a workload that is gone when that was found.
func TestConditionTimes(t *testing.T) {
	w := lazyWorkload()
	ready := func(s v1alpha1.WorkloadScopeStatus) string {
		for _, c := range s.Conditions {
			if c.Type == v1alpha1.ConditionReady {
				return string(c.Status) + " " + c.Reason + " " + c.LastTransitionTime.UTC().Format(time.TimeOnly)
			}
		}
		return "none"
	}
	var status v1alpha1.WorkloadScopeStatus
	for i, step := range []struct {
		ready Condition
		want  string
	}{
		{Condition{false, "Settling", ""}, "False Settling 12:00:00"},
		{Condition{false, "EgressNotReady", ""}, "False EgressNotReady 12:00:00"},
		{Condition{true, "Lazy", ""}, "True Lazy 12:02:00"},
		{Condition{true, "Lazy", ""}, "True Lazy 12:02:00"},
		{Condition{false, "NoSidecar", ""}, "False NoSidecar 12:04:00"},
		{Condition{false, convert.ReasonWorkloadGone, ""}, "False WorkloadGone 12:05:00"},
		{Condition{false, convert.ReasonWorkloadGone, ""}, "False WorkloadGone 12:05:00"},
	} {
		w.Ready = step.ready
		status = w.Status(status, noon.Add(time.Duration(i)*time.Minute))
		if got := ready(status); got != step.want {
			t.Errorf("step %d: got %s, want %s", i, got, step.want)
		}
	}
}

// TestStatusStartsTheClockAnew: an idleTTL that is changed leaves the times that were seen with another precision, and nothing
// is due before sidecars are heard again. Without one nothing is.
func TestStatusStartsTheClockAnew(t *testing.T) {
	heard, due := metav1.NewTime(noon.Add(-time.Hour)), metav1.NewTime(noon.Add(time.Minute))
	prev := v1alpha1.WorkloadScopeStatus{
		Dependencies: []v1alpha1.Dependency{observedAt("reviews.demo", noon.Add(-2*time.Hour))},
		Expiry:       &v1alpha1.Expiry{IdleTTL: metav1.Duration{Duration: time.Hour}, ReportsSince: &heard, LastReport: &heard},
	}
	prev.Dependencies[0].ExpiresAt = &due
	for ttl, want := range map[time.Duration]*v1alpha1.Expiry{
		0:           nil,
		time.Hour:   prev.Expiry,
		time.Minute: {IdleTTL: metav1.Duration{Duration: time.Minute}},
	} {
		w := lazyWorkload()
		w.idleTTL = ttl
		got := w.Status(prev, noon)
		if diff := cmp.Diff(want, got.Expiry); diff != "" {
			t.Errorf("idleTTL %s (-want +got):\n%s", ttl, diff)
		}
		if len(got.Dependencies) != 1 || (got.Dependencies[0].ExpiresAt != nil) != (ttl == time.Hour) {
			t.Errorf("idleTTL %s: dependencies %+v", ttl, got.Dependencies)
		}
	}
}

func TestNames(t *testing.T) {
	long := mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: strings.Repeat("long-name.", 25)}
	other := long
	other.Name = long.Name[:249] + "x"
	rollout := mesh.WorkloadKey{Namespace: "demo", Kind: "Rollout", Name: "shop"}
	kinds := kindsOf(&mesh.Snapshot{Scopes: []mesh.Scope{{Workload: rollout}}})
	for _, key := range []mesh.WorkloadKey{long, rollout, {Namespace: "demo", Kind: "CronJob", Name: "nightly"}} {
		name := ObjectName(key)
		if len(name) > maxName || !ownName(kinds, name) || name != objectPrefix+ScopeName(key) {
			t.Errorf("%s is called %s (%d characters)", key, name, len(name))
		}
		if label := marked(mesh.Key{}, ScopeName(key)).Labels[ScopeLabel]; len(label) > maxLabel || strings.HasSuffix(label, "-") {
			t.Errorf("%s has the label %s (%d characters)", key, label, len(label))
		}
	}
	if ObjectName(long) == ObjectName(other) {
		t.Error("two workloads share a name")
	}
	for _, name := range []string{"lazyxds-egress-als", "lazyxds", "web", "lazyxds-web", "lazyxds-deploymentweb", "lazyxds-rollout"} {
		if ownName(kinds, name) {
			t.Errorf("%s is not a name of ours", name)
		}
	}
}
