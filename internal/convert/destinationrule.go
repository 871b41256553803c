package convert

import (
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// DestinationRule converts a DestinationRule. One for some of its namespace's pods only is exported nowhere else.
func DestinationRule(d *networkingv1.DestinationRule, clusterDomain string) mesh.DestinationRule {
	out := mesh.DestinationRule{Key: key(d), Host: resolve(d.Spec.Host, d.Namespace, clusterDomain), ExportTo: d.Spec.ExportTo}
	if d.Spec.WorkloadSelector != nil {
		out.ExportTo = []string{"."}
	}
	return out
}
