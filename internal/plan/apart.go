package plan

import (
	"slices"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// ruledApart lists the services for which a DestinationRule holds in the namespace and not at the egress, or the reverse.
func ruledApart(w *world, namespace string) []reasoned {
	egress := w.cfg.EgressNamespace
	var out []reasoned
	for _, rule := range w.catalog.rules {
		same := mesh.Visible(rule.ExportTo, rule.Namespace, namespace) == mesh.Visible(rule.ExportTo, rule.Namespace, egress)
		if same && rule.Namespace != namespace {
			continue
		}
		for _, service := range w.catalog.matching(pattern{"*", rule.Host}, namespace) {
			here, there := w.obeys(namespace, rule, service), w.obeys(egress, rule, service)
			detail := "DestinationRule " + rule.String() + " holds here only"
			if there {
				detail = "DestinationRule " + rule.String() + " does not hold here"
			}
			if here != there {
				out = append(out, reasoned{service, v1alpha1.SourcePrivate, detail})
			}
		}
	}
	return out
}

// obeys tells whether proxies in a namespace look at a DestinationRule when they call a service: Istio looks for one in the
// proxy's namespace, then in the service's, then in the root namespace.
func (w *world) obeys(proxy string, rule *mesh.DestinationRule, service *mesh.Service) bool {
	where := []string{proxy, service.Namespace, w.cfg.RootNamespace}
	return slices.Contains(where, rule.Namespace) && mesh.Visible(rule.ExportTo, rule.Namespace, proxy)
}
