package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// obstacle is why a workload cannot be lazy, as a condition says it.
type obstacle struct {
	reason, message string
}

// obstacles are looked for in this order; the first one found is told. They only ever concern workloads that exist.
var obstacles = []func(*world, *candidate) (obstacle, bool){
	// Nothing the proxies do would change.
	isEgress, isControlPlane, isGateway, noRedirect, noSidecar, undiscovered,
	// A Sidecar of ours would change more, or less, than this workload.
	noSelector, foreignSidecar, sharedSelector, selectorChanged,
	// The fallback would not work.
	istioTooOld, egressPolicyDiffers,
}

// oldestIstio is the first release whose Envoy knows vhost_header, by which the egress routes bare host names.
var oldestIstio = [2]int{1, 29}

func (w *world) obstacle(c *candidate) (obstacle, bool) {
	for _, find := range obstacles {
		if found, ok := find(w, c); ok {
			return found, true
		}
	}
	return obstacle{}, false
}

func isEgress(w *world, c *candidate) (obstacle, bool) {
	return obstacle{"FallbackEgress", "this is the fallback egress itself, which needs the full scope"},
		c.key.Namespace == w.cfg.EgressNamespace && c.workload.Labels["app"] == EgressName
}

// isControlPlane is for those who gave istiod or the controller a sidecar, and annotated their namespace.
func isControlPlane(w *world, c *candidate) (obstacle, bool) {
	app := c.workload.Labels["app"]
	return obstacle{"ControlPlane", "istiod and LazyXDS's controller keep the full scope"},
		c.key.Namespace == w.cfg.RootNamespace && app == istiodName || c.key.Namespace == w.cfg.EgressNamespace && app == ControllerName
}

func isGateway(_ *world, c *candidate) (obstacle, bool) {
	return obstacle{"Gateway", "its proxies are gateways, which no Sidecar applies to"}, c.workload.Gateway
}

func noRedirect(_ *world, c *candidate) (obstacle, bool) {
	return obstacle{"NoRedirect", "its traffic does not pass through its sidecar (interceptionMode NONE), so nothing can be diverted"},
		c.workload.NoRedirect
}

func noSidecar(w *world, c *candidate) (obstacle, bool) {
	if c.workload.Running > 0 {
		return obstacle{"NoSidecar", "none of its pods has a sidecar: enable injection and restart them"}, c.workload.WithSidecar == 0
	}
	injected := c.workload.Inject == "true" || c.workload.Inject != "false" && w.namespaces[c.key.Namespace].Inject
	return obstacle{"NoSidecar", "its pods will get no sidecar: injection is off"}, !injected
}

func undiscovered(w *world, c *candidate) (obstacle, bool) {
	return obstacle{"NamespaceUndiscovered", "istiod does not know its namespace: discoverySelectors of the mesh configuration leave it out"},
		w.namespaces[c.key.Namespace].Undiscovered
}

func noSelector(_ *world, c *candidate) (obstacle, bool) {
	return obstacle{"NoSelector", "it selects its pods by no label, so a Sidecar for it would hold for the whole namespace"},
		len(c.workload.Selector) == 0
}

func foreignSidecar(w *world, c *candidate) (obstacle, bool) {
	for _, sidecar := range w.crowd(c.key.Namespace).foreign {
		if len(sidecar.Selector) == 0 {
			return obstacle{"ForeignSidecar", fmt.Sprintf("Sidecar %s holds for the whole namespace", sidecar.Name)}, true
		}
		if selects(sidecar.Selector, c.workload.Labels) {
			return obstacle{"ForeignSidecar", fmt.Sprintf("Sidecar %s selects its pods", sidecar.Name)}, true
		}
	}
	return obstacle{}, false
}

// sharedSelector keeps a Sidecar from narrowing pods that it is not meant for, be their workload lazy or not.
func sharedSelector(w *world, c *candidate) (obstacle, bool) {
	for _, other := range w.crowd(c.key.Namespace).selected(c.workload.Selector) {
		if other.WorkloadKey != c.key && selects(c.workload.Selector, other.Labels) {
			return obstacle{"SharedSelector", fmt.Sprintf("its selector picks the pods of %s %s too", other.Kind, other.Name)}, true
		}
	}
	return obstacle{}, false
}

// selectorChanged takes a workload back to the full scope, from where it becomes lazy again with its new selector. Otherwise a
// Sidecar could reach proxies that do not have the divert rule yet. Where only one of the two differs, somebody edited it.
func selectorChanged(_ *world, c *candidate) (obstacle, bool) {
	changed := c.rule != nil && !maps.Equal(c.rule.Selector, c.workload.Selector) &&
		(c.sidecar == nil || maps.Equal(c.sidecar.Selector, c.rule.Selector))
	return obstacle{"SelectorChanged", "its pods are selected by other labels than before: it becomes lazy anew"}, changed
}

func istioTooOld(w *world, _ *candidate) (obstacle, bool) {
	version := w.snapshot.Istio.Version
	return obstacle{"IstioTooOld", fmt.Sprintf("istiod is %s; the fallback needs Istio %d.%d or newer",
		version, oldestIstio[0], oldestIstio[1])}, tooOld(version)
}

// egressPolicyDiffers keeps calls that are blocked from being let out by the egress, and the reverse. The Sidecar of the egress is
// part of the installation, so it does not follow the mesh's.
func egressPolicyDiffers(w *world, _ *candidate) (obstacle, bool) {
	want, has := outboundPolicy(w.standard), outboundPolicy(w.egressSidecar)
	if sameJSON(want, has) {
		return obstacle{}, false
	}
	return obstacle{"EgressPolicyDiffers", fmt.Sprintf("outboundTrafficPolicy is %s in the root namespace's Sidecar and %s in the fallback egress's: "+
		"set egress.outboundTrafficPolicy", policyName(want), policyName(has))}, true
}

// outboundPolicy is the outboundTrafficPolicy of a Sidecar; nil for none.
func outboundPolicy(s *mesh.Sidecar) json.RawMessage {
	if s == nil {
		return nil
	}
	return parseSpec(s.Spec)["outboundTrafficPolicy"]
}

func policyName(policy json.RawMessage) string {
	switch {
	case policy == nil:
		return "that of the mesh"
	case sameJSON(policy, []byte("{}")): // the mode's zero value
		return "REGISTRY_ONLY"
	}
	return string(policy)
}

func tooOld(version string) bool {
	if version == "" {
		return false
	}
	oldest := fmt.Sprintf("%d.%d", oldestIstio[0], oldestIstio[1])
	return convert.OlderVersion(version, oldest) == version && !strings.HasPrefix(version+".", oldest+".")
}

// noteRanges tells that nothing can be diverted, which leaves every service in every scope.
func (w *world) noteRanges() {
	if len(w.snapshot.ServiceCIDRs)+len(w.cfg.DivertedCIDRs) == 0 {
		w.noteEgress("NoServiceRange", "the cluster does not tell its service range, so all services stay in scope: configure it")
	}
}

func (w *world) noteEgress(reason, message string) {
	w.notice(Notice{"Service", w.cfg.EgressNamespace, EgressName, Warning, reason, message})
}
