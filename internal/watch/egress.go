package watch

import (
	"net/netip"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

const (
	// egressService is the name of the fallback egress's Service, and of its Sidecar.
	egressService = "istio-egressgateway-lazyxds"
	// istiodContainer is the name of istiod's container, whose image tells its version.
	istiodContainer = "discovery"
	istiodLabel     = "istiod" // value of the label "app"
)

// egress tells whether the fallback can catch anything: its endpoints, and the objects without which it cannot.
func (w *Watch) egress() mesh.Egress {
	out := mesh.Egress{Ready: w.readyEgress()}
	out.Since = w.standing.note(out.Ready == 0, time.Now())
	for _, slice := range all[discoveryv1.EndpointSlice](w.stores.endpointSlices) {
		out.Addresses = append(out.Addresses, addresses(slice)...)
	}
	for _, needed := range []struct {
		kind, name string
		store      toolscache.Store
	}{
		{"DestinationRule", "lazyxds-egress", w.stores.destinationRules},
		{"EnvoyFilter", "lazyxds-egress-als", w.stores.envoyFilters},
		{"EnvoyFilter", "lazyxds-egress-http", w.stores.envoyFilters},
		{"Sidecar", egressService, w.stores.sidecars},
	} {
		if _, found, err := needed.store.GetByKey(cacheKey(w.cfg.EgressNamespace, needed.name)); err != nil || !found {
			out.Missing = append(out.Missing, needed.kind+" "+w.cfg.EgressNamespace+"/"+needed.name)
		}
	}
	return out
}

// egressEvent notes on every replica, whether it leads or not, when the fallback fails and comes back.
func (w *Watch) egressEvent() {
	if w.Synced() {
		w.standing.note(w.readyEgress() == 0, time.Now())
	}
	w.poke()
}

func (w *Watch) readyEgress() int {
	ready := 0
	for _, slice := range all[discoveryv1.EndpointSlice](w.stores.endpointSlices) {
		ready += readyEndpoints(slice)
	}
	return ready
}

// standing is whether the fallback is down, and since when it is or is not. It begins with the process, and with a fallback that
// stands: what follows from it can only come later for that.
type standing struct {
	mu    sync.Mutex
	down  bool
	since time.Time
}

// note takes in what is so now, and returns since when; the zero time for a fallback that never was down.
func (s *standing) note(down bool, now time.Time) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	if down != s.down {
		s.down, s.since = down, now
	}
	return s.since
}

// readyEndpoints counts what may be sent to. Dual-stack endpoints count twice, in the slices of either family.
func readyEndpoints(slice *discoveryv1.EndpointSlice) int {
	ready := 0
	for i := range slice.Endpoints {
		if c := slice.Endpoints[i].Conditions.Ready; c == nil || *c {
			ready++
		}
	}
	return ready
}

// addresses are those of all endpoints, ready or not: a pod can be dialled before anybody is meant to.
func addresses(slice *discoveryv1.EndpointSlice) []netip.Addr {
	var out []netip.Addr
	for i := range slice.Endpoints {
		for _, address := range slice.Endpoints[i].Addresses {
			if parsed, err := netip.ParseAddr(address); err == nil { // of a slice of names there is none
				out = append(out, parsed)
			}
		}
	}
	return out
}

// istioVersion is the oldest release among running istiods; empty if their images tell none.
func (w *Watch) istioVersion() string {
	oldest := ""
	for _, pod := range all[corev1.Pod](w.stores.pods) {
		if pod.Namespace != w.cfg.RootNamespace || pod.Labels["app"] != istiodLabel || pod.Status.Phase != corev1.PodRunning {
			continue
		}
		for i := range pod.Spec.Containers {
			if c := &pod.Spec.Containers[i]; c.Name == istiodContainer {
				oldest = convert.OlderVersion(oldest, convert.IstioVersion(c.Image))
			}
		}
	}
	return oldest
}
