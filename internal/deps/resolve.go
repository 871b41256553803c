package deps

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Lesson is what one observation teaches: a workload uses these services.
type Lesson struct {
	Workload mesh.WorkloadKey
	Services []Sighting // sorted, without duplicates, never empty
	// At is when the observation arrived.
	At time.Time
	// Direct tells that the workload's own sidecar reported it.
	Direct bool
}

// Sighting is one service as a request named it.
type Sighting struct {
	Host      mesh.Host
	Namespace string // of the service, or of the ServiceEntry that defines it
	As        v1alpha1.Sighting
	Port      uint16 // 0 if unknown
}

func (s Sighting) compare(o Sighting) int {
	return cmp.Or(cmp.Compare(s.Host, o.Host), cmp.Compare(s.As, o.As), cmp.Compare(s.Port, o.Port), cmp.Compare(s.Namespace, o.Namespace))
}

// Reason is why an observation teaches nothing, short enough for the label of a metric.
type Reason string

// The reasons an observation may teach nothing.
const (
	UnknownSource  Reason = "unknown_source"  // no pod had the client's address
	AddressReused  Reason = "address_reused"  // the client's address changed hands: whose request it was is not certain
	UnknownService Reason = "unknown_service" // external, deleted, not visible to the caller, or never in a scope
)

// Unresolved is the error for an observation that teaches nothing.
type Unresolved struct {
	Reason Reason
	// Workload is who called, where that much is known.
	Workload mesh.WorkloadKey
}

// Error tells the reason.
func (u Unresolved) Error() string {
	if u.Workload.IsZero() {
		return fmt.Sprintf("observation teaches nothing: %s", u.Reason)
	}
	return fmt.Sprintf("observation of %s teaches nothing: %s", u.Workload, u.Reason)
}

// Resolve finds out who called and what, given everyone who held the client's address. Its error is an [Unresolved].
//
// A dependency is what the client addressed as well as where its request ended up: a VirtualService may send one service's
// requests to another, and with only the latter in scope the former would take the fallback for ever.
func Resolve(obs mesh.Observation, tenancies []mesh.Tenancy, dir *Directory) (Lesson, error) {
	workload, reason := tenant(tenancies, obs.Started)
	if reason != "" {
		return Lesson{}, Unresolved{Reason: reason}
	}
	sightings := sightingsOf(obs, workload.Namespace, dir)
	if len(sightings) == 0 {
		return Lesson{}, Unresolved{Reason: UnknownService, Workload: workload}
	}
	return Lesson{Workload: workload, Services: sightings, At: obs.Received, Direct: obs.Direct}, nil
}

// sightingsOf lists the services an observation names that a workload of the namespace may use on the port it called.
func sightingsOf(obs mesh.Observation, namespace string, dir *Directory) []Sighting {
	var sightings []Sighting
	on := func(port uint16) func(mesh.Service) bool {
		return func(svc mesh.Service) bool { return serves(svc, port) && VisibleTo(svc, namespace) }
	}
	see := func(as v1alpha1.Sighting, port uint16, services []mesh.Service) {
		for _, svc := range nearest(services, namespace) {
			sightings = append(sightings, Sighting{Host: svc.Host, Namespace: svc.Namespace, As: as, Port: port})
		}
	}
	port := obs.Dialled.Port()
	see(v1alpha1.SeenAuthority, port, dir.ByAuthority(obs.Authority, namespace, on(port)))
	if obs.Dialled.IsValid() {
		see(v1alpha1.SeenDialled, port, dir.ByAddress(obs.Dialled.Addr(), on(port)))
	}
	switch {
	case obs.Upstream != "":
		see(v1alpha1.SeenUpstream, obs.Port, dir.ByHost(obs.Upstream, on(obs.Port)))
	case obs.UpstreamAddr.IsValid():
		port := obs.UpstreamAddr.Port()
		see(v1alpha1.SeenUpstream, port, dir.ByAddress(obs.UpstreamAddr.Addr(), on(port)))
	}
	slices.SortFunc(sightings, Sighting.compare)
	return slices.Compact(sightings)
}

// nearest keeps one service of each host, for a scope holds hosts: the namespace's own, else the first.
func nearest(services []mesh.Service, namespace string) []mesh.Service {
	var kept []mesh.Service
	for _, svc := range services {
		i := slices.IndexFunc(kept, func(k mesh.Service) bool { return k.Host == svc.Host })
		switch {
		case i < 0:
			kept = append(kept, svc)
		case svc.Namespace == namespace:
			kept[i] = svc
		}
	}
	return kept
}
