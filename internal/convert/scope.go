package convert

import (
	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// modes translates the API's modes into the values of the lazy-xds annotation.
var modes = map[v1alpha1.Mode]string{v1alpha1.ModeLazy: "true", v1alpha1.ModeFull: "false", v1alpha1.ModeObserve: "observe"}

// ReasonWorkloadGone is the reason of the Ready condition from when a scope's workload was found missing. It is read back
// here: the condition is what remembers since when.
const ReasonWorkloadGone = "WorkloadGone"

// Scope converts a WorkloadScope.
func Scope(s *v1alpha1.WorkloadScope) mesh.Scope {
	out := mesh.Scope{
		Key:        key(s),
		Ours:       Ours(s),
		Workload:   mesh.WorkloadKey{Namespace: s.Namespace, Kind: s.Spec.Workload.Kind, Name: s.Spec.Workload.Name},
		Generation: s.Generation,
		Mode:       string(s.Spec.Mode),
		Include:    patterns(s.Spec.Include),
		Exclude:    patterns(s.Spec.Exclude),
	}
	if mode, ok := modes[s.Spec.Mode]; ok {
		out.Mode = mode
	}
	if s.Spec.IdleTTL != nil {
		out.IdleTTL = &s.Spec.IdleTTL.Duration
	}
	for i := range s.Status.Dependencies {
		d := &s.Status.Dependencies[i]
		if d.Source != v1alpha1.SourceObserved {
			continue
		}
		dependency := mesh.Dependency{Host: Host(d.Host)}
		if d.FirstSeen != nil {
			dependency.FirstSeen = d.FirstSeen.Time
		}
		if d.ExpiresAt != nil {
			dependency.ExpiresAt = d.ExpiresAt.Time
		}
		out.Dependencies = append(out.Dependencies, dependency)
	}
	ready := meta.FindStatusCondition(s.Status.Conditions, v1alpha1.ConditionReady)
	if ready != nil && ready.Reason == ReasonWorkloadGone {
		out.Gone = ready.LastTransitionTime.Time
	}
	return out
}

func patterns(in []v1alpha1.HostPattern) []string {
	var out []string
	for _, p := range in {
		out = append(out, string(p))
	}
	return out
}
