package convert

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Sidecar converts a Sidecar resource. Its spec is kept only where a decision needs it: ours, and those in the root namespace.
func Sidecar(s *networkingv1.Sidecar, rootNamespace string) (mesh.Sidecar, error) {
	out := mesh.Sidecar{
		Key:      key(s),
		Ours:     Ours(s),
		Selector: s.Spec.GetWorkloadSelector().GetLabels(),
		Created:  s.CreationTimestamp.Time,
	}
	if out.Ours {
		for _, egress := range s.Spec.Egress {
			if egress.GetPort().GetName() == WarmListener {
				out.Warm = append(out.Warm, egress.GetHosts()...)
			} else {
				out.Hosts = append(out.Hosts, egress.GetHosts()...)
			}
		}
		if at, err := time.Parse(time.RFC3339, s.Annotations[WarmSinceAnnotation]); err == nil {
			out.WarmSince = at
		}
	}
	if out.Ours || s.Namespace == rootNamespace {
		spec, err := json.Marshal(&s.Spec)
		if err != nil {
			return mesh.Sidecar{}, fmt.Errorf("read spec of Sidecar %s: %w", out.Key, err)
		}
		out.Spec = spec
	}
	return out, nil
}

// DivertRule converts an EnvoyFilter of ours.
func DivertRule(f *networkingv1alpha3.EnvoyFilter) (mesh.DivertRule, error) {
	spec, err := json.Marshal(&f.Spec)
	if err != nil {
		return mesh.DivertRule{}, fmt.Errorf("read spec of EnvoyFilter %s: %w", key(f), err)
	}
	out := mesh.DivertRule{
		Key:      key(f),
		Selector: f.Spec.GetWorkloadSelector().GetLabels(),
		Created:  f.CreationTimestamp.Time,
		Observes: f.Annotations[DivertsSinceAnnotation] == DivertsNever,
		PodCIDRs: f.Annotations[PodCIDRsAnnotation],
		Reports:  slices.ContainsFunc(f.Spec.ConfigPatches, addsAccessLog),
		Spec:     spec,
	}
	out.DivertsSince = out.Created
	if at, err := time.Parse(time.RFC3339, f.Annotations[DivertsSinceAnnotation]); err == nil {
		out.DivertsSince = at
	}
	if at, err := time.Parse(time.RFC3339, f.Annotations[WidenedAtAnnotation]); err == nil {
		out.WidenedAt = at
	}
	return out, nil
}

// addsAccessLog tells whether a patch makes a filter write one more access log.
func addsAccessLog(patch *networkingapi.EnvoyFilter_EnvoyConfigObjectPatch) bool {
	filter := patch.GetPatch().GetValue().GetFields()["typed_config"].GetStructValue()
	return filter.GetFields()["access_log"] != nil
}
