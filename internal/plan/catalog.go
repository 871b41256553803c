package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// catalog finds services and routes without looking at all of them: planning a workload must not cost more the larger the
// mesh is.
type catalog struct {
	services    []*mesh.Service // all, sorted
	byHost      map[mesh.Host][]*mesh.Service
	byNamespace map[string][]*mesh.Service
	ports       map[uint16]*portUsers
	ipv6Pods    bool // pods have IPv6 addresses, and those are diverted
	// addressedEntries are the ServiceEntries with addresses of their own, exceptional those services that are in scope of
	// some workloads from the start.
	addressedEntries, exceptional []*mesh.Service

	routesByHost map[mesh.Host][]*mesh.VirtualService
	wildRoutes   []*mesh.VirtualService // with a wildcard among their hosts
	routes       []*mesh.VirtualService // all that apply to sidecars, sorted
	rules        []*mesh.DestinationRule
}

// portUsers are the services with a virtual address, or with those of their pods, on one port number, by what a wildcard
// listener of that number would do to them.
type portUsers struct {
	all []*mesh.Service
	// serverFirst are declared TCP: behind a protocol inspector a server that speaks first waits for ever.
	serverFirst []*mesh.Service
	// notIPv4 have an IPv6 address and are not HTTP: the divert rule's condition knows IPv4 only.
	notIPv4 []*mesh.Service
}

func newCatalog(s *mesh.Snapshot, podCIDRs []netip.Prefix) *catalog {
	c := &catalog{
		ipv6Pods:     slices.ContainsFunc(podCIDRs, isIPv6),
		byHost:       make(map[mesh.Host][]*mesh.Service, len(s.Services)),
		byNamespace:  map[string][]*mesh.Service{},
		ports:        map[uint16]*portUsers{},
		routesByHost: map[mesh.Host][]*mesh.VirtualService{},
	}
	c.services = sortedPointers(s.Services, func(a, b *mesh.Service) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), a.Compare(b.Key), cmp.Compare(a.Kind, b.Kind))
	})
	for _, service := range c.services {
		c.byHost[service.Host] = append(c.byHost[service.Host], service)
		c.byNamespace[service.Namespace] = append(c.byNamespace[service.Namespace], service)
		c.addPorts(service)
		if service.Kind == mesh.ServiceEntry && len(service.Addresses) > 0 && !service.AutoAllocated {
			c.addressedEntries = append(c.addressedEntries, service)
		}
	}
	c.addRoutes(s.VirtualServices)
	c.rules = sortedPointers(s.DestinationRules, func(a, b *mesh.DestinationRule) int { return a.Compare(b.Key) })
	return c
}

func (c *catalog) addPorts(service *mesh.Service) {
	if len(service.Addresses) == 0 && !service.Headless {
		return
	}
	ipv6 := slices.ContainsFunc(service.Addresses, isIPv6) || service.Headless && c.ipv6Pods
	for _, port := range service.Ports {
		if port.Protocol == mesh.UDP {
			continue
		}
		users := c.ports[port.Number]
		if users == nil {
			users = &portUsers{}
			c.ports[port.Number] = users
		}
		users.all = append(users.all, service)
		if port.Protocol == mesh.TCP {
			users.serverFirst = append(users.serverFirst, service)
		} else if ipv6 && port.Protocol != mesh.HTTP {
			users.notIPv4 = append(users.notIPv4, service)
		}
	}
}

func (c *catalog) addRoutes(all []mesh.VirtualService) {
	byObject := func(a, b *mesh.VirtualService) int { // one route of the Gateway API may be two
		return cmp.Or(a.Compare(b.Key), cmp.Compare(a.Kind, b.Kind), slices.Compare(a.Hosts, b.Hosts))
	}
	for _, route := range sortedPointers(all, byObject) {
		if !route.Mesh {
			continue
		}
		c.routes = append(c.routes, route)
		wild := false
		for _, host := range route.Hosts {
			if isWildcard(host) {
				wild = true
			} else if on := c.routesByHost[host]; len(on) == 0 || on[len(on)-1] != route {
				c.routesByHost[host] = append(on, route)
			}
		}
		if wild {
			c.wildRoutes = append(c.wildRoutes, route)
		}
	}
}

// named are the services of a host that namespace may see.
func (c *catalog) named(host mesh.Host, namespace string) []*mesh.Service {
	var out []*mesh.Service
	for _, service := range c.byHost[host] {
		if mesh.Visible(service.ExportTo, service.Namespace, namespace) {
			out = append(out, service)
		}
	}
	return out
}

// matching are the services that a "namespace/host" pattern covers and viewer may see.
func (c *catalog) matching(p pattern, viewer string) []*mesh.Service {
	among := c.byHost[p.host]
	if isWildcard(p.host) {
		among = c.services
		if p.namespace != "*" {
			among = c.byNamespace[p.namespace]
		}
	}
	var out []*mesh.Service
	for _, service := range among {
		if p.covers(service.Namespace, service.Host) && mesh.Visible(service.ExportTo, service.Namespace, viewer) {
			out = append(out, service)
		}
	}
	return out
}

// routesFor are the VirtualServices that say something about a host and that namespace may see.
func (c *catalog) routesFor(host mesh.Host, namespace string) []*mesh.VirtualService {
	var out []*mesh.VirtualService
	add := func(routes []*mesh.VirtualService, check bool) {
		for _, route := range routes {
			if !mesh.Visible(route.ExportTo, route.Namespace, namespace) || slices.Contains(out, route) {
				continue
			}
			if !check || slices.ContainsFunc(route.Hosts, func(h mesh.Host) bool { return overlap(h, host) }) {
				out = append(out, route)
			}
		}
	}
	if isWildcard(host) {
		add(c.routes, true)
		return out
	}
	add(c.routesByHost[host], false)
	add(c.wildRoutes, true)
	return out
}

// carried tells whether sidecars handle the service at all: they do not do UDP.
func carried(s *mesh.Service) bool {
	return slices.ContainsFunc(s.Ports, func(p mesh.Port) bool { return p.Protocol != mesh.UDP })
}

func isWildcard(h mesh.Host) bool { return strings.HasPrefix(string(h), "*") }

// overlap tells whether some name is covered by both hosts, one of which may be a wildcard for the other.
func overlap(a, b mesh.Host) bool { return a.Matches(b) || b.Matches(a) }

// sortedPointers points at the elements of in, sorted; in itself keeps its order.
func sortedPointers[T any](in []T, compare func(a, b *T) int) []*T {
	out := make([]*T, len(in))
	for i := range in {
		out[i] = &in[i]
	}
	slices.SortStableFunc(out, compare)
	return out
}
