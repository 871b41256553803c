package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// ScopedHost is a "namespace/host" that a workload's Sidecar imports, and why.
type ScopedHost struct {
	// Namespace is where the service or the VirtualService lives that it stands for, or "*".
	Namespace string
	Host      mesh.Host
	Source    v1alpha1.Source
	// Detail tells people more: which VirtualService, since when.
	Detail string

	pattern bool // the user's, covering any number of services
	service bool // stands for a service, not only for a VirtualService
}

// String renders the host as a Sidecar has it.
func (h ScopedHost) String() string { return h.Namespace + "/" + string(h.Host) }

// learned tells that the workload itself is the reason.
func (h ScopedHost) learned() bool { return h.Source == v1alpha1.SourceObserved }

// scopeKey is what no two ScopedHosts of a scope share.
type scopeKey struct {
	namespace string
	host      mesh.Host
}

// builder collects the scope of one workload.
type builder struct {
	world            *world
	view             *view
	namespace        string
	identity         string
	reports          bool // the workload's sidecars do, to the controller
	dependencies     []mesh.Dependency
	include, exclude []wanted
	// learnsHeadless tells that the fallback gets what the workload sends to pods it does not know.
	learnsHeadless bool
	answersDNS     bool // as its sidecars do

	hosts map[scopeKey]ScopedHost
	queue []*mesh.Service // in scope, but what they entail is not yet
	// inspected and taken are the ports with a wildcard listener of either kind, web those where it reads HTTP.
	inspected, taken, web map[uint16]bool
	toldByHost            []reasoned // in scope only on ports that nothing else brings a listener for
}

// build returns the scope of a candidate's workload, sorted by namespace and host.
func (w *world) build(c *candidate, reports bool, include, exclude []wanted) []ScopedHost {
	namespace := c.workload.Namespace
	b := &builder{
		world: w, view: w.view(namespace), namespace: namespace,
		identity: mesh.Identity(namespace, c.workload.ServiceAccount), reports: reports,
		include: include, exclude: exclude, learnsHeadless: w.learnsHeadless(c), answersDNS: c.workload.AnswersDNS,
		hosts: map[scopeKey]ScopedHost{}, inspected: map[uint16]bool{}, taken: map[uint16]bool{}, web: map[uint16]bool{},
	}
	if c.scope != nil {
		b.dependencies = c.scope.Dependencies
	}
	for _, source := range sources {
		source(b)
	}
	b.close()
	b.openPorts()
	out := make([]ScopedHost, 0, len(b.hosts))
	for _, host := range b.hosts {
		out = append(out, host)
	}
	slices.SortFunc(out, func(a, b ScopedHost) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Host, b.Host))
	})
	return out
}

// add puts a service in scope.
func (b *builder) add(r reasoned) {
	if !carried(r.service) && r.service.External == "" {
		return
	}
	key := scopeKey{r.service.Namespace, r.service.Host}
	if b.hosts[key].service {
		return
	}
	host, named := b.hosts[key]
	if !named {
		host = ScopedHost{Namespace: key.namespace, Host: key.host, Source: r.source, Detail: r.detail}
	}
	host.service = true
	b.hosts[key] = host
	b.queue = append(b.queue, r.service)
}

// name puts a name in scope that need not be a service's.
func (b *builder) name(h ScopedHost) {
	key := scopeKey{h.Namespace, h.Host}
	if _, there := b.hosts[key]; !there {
		b.hosts[key] = h
	}
}

// close adds what the services in scope entail, until nothing new comes.
func (b *builder) close() {
	for len(b.queue) > 0 {
		service := b.queue[0]
		b.queue = b.queue[1:]
		b.followRoutes(service)
		b.sharePorts(service)
	}
}

// followRoutes adds the VirtualServices of a service and where they lead. A Sidecar imports a VirtualService by the namespace
// it lives in, not by that of the service.
func (b *builder) followRoutes(service *mesh.Service) {
	for _, route := range b.world.catalog.routesFor(service.Host, b.namespace) {
		if route.Namespace != service.Namespace {
			b.name(ScopedHost{
				Namespace: route.Namespace, Host: service.Host,
				Source: v1alpha1.SourceRoute, Detail: route.String(),
			})
		}
		b.addDestinations(route)
	}
	if service.External != "" {
		b.addNamed(service.External, v1alpha1.SourceRoute, "ExternalName of "+service.String())
	}
}

func (b *builder) addDestinations(route *mesh.VirtualService) {
	for _, host := range route.Destinations {
		b.addNamed(host, v1alpha1.SourceRoute, route.String()+" sends traffic to it")
	}
}

func (b *builder) addNamed(host mesh.Host, source v1alpha1.Source, detail string) {
	for _, service := range b.world.catalog.named(host, b.namespace) {
		b.add(reasoned{service, source, detail})
	}
}

// sharePorts adds the services whose connections a wildcard listener, which this service brings into the scope, would catch
// and not let through to the fallback. With the full scope each of them has a listener of its own.
func (b *builder) sharePorts(service *mesh.Service) {
	for _, port := range service.Ports {
		if port.Protocol == mesh.HTTP && service.External == "" {
			b.web[port.Number] = true
		}
		users := b.world.catalog.ports[port.Number]
		if users == nil {
			continue
		}
		switch listener := wildcardOf(service, port.Protocol); {
		case listener == takesAll && !b.taken[port.Number]:
			b.taken[port.Number] = true
			b.share(port.Number, users.all, service)
		case listener == inspects && !b.inspected[port.Number]:
			b.inspected[port.Number] = true
			b.share(port.Number, users.serverFirst, service)
			b.share(port.Number, users.notIPv4, service)
		}
	}
}

func (b *builder) share(port uint16, users []*mesh.Service, because *mesh.Service) {
	detail := fmt.Sprintf("port %d is shared with %s", port, because.Host)
	for _, service := range users {
		if mesh.Visible(service.ExportTo, service.Namespace, b.namespace) {
			b.add(reasoned{service, v1alpha1.SourceSharedPort, detail})
		}
	}
}

// wildcard is what a listener on all addresses of a port does to connections that are not for its own services.
type wildcard int

const (
	none     wildcard = iota
	inspects          // waits for the client's first bytes, then passes on what it does not know
	takesAll          // sends everything to its own service
)

// wildcardOf tells which wildcard listener Istio opens for a port of a service: for HTTP always, for the rest only where there
// is no single address to listen on. Of headless services those listeners are per pod.
func wildcardOf(s *mesh.Service, protocol mesh.Protocol) wildcard {
	entry := s.Kind == mesh.ServiceEntry
	unaddressed := entry && (len(s.Addresses) == 0 || s.AutoAllocated)
	switch {
	case protocol == mesh.UDP:
		return none
	case protocol == mesh.HTTP:
		return inspects
	case unaddressed && protocol == mesh.TLS:
		return inspects
	case unaddressed:
		return takesAll
	case entry && !s.Addresses[0].IsSingleIP() && protocol != mesh.TCP:
		return inspects
	}
	return none
}
