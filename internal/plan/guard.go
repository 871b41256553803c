package plan

import (
	"slices"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// gatewayLabel names the Gateway on the pods that serve it. By it, and nothing else, Istio finds the policies attached to one.
const gatewayLabel = "gateway.networking.k8s.io/gateway-name"

// guardFinder finds the services that a policy guards.
type guardFinder struct {
	world *world
	// servers are the workloads of services, as far as anybody asked.
	servers map[*mesh.Service][]*mesh.Workload
	// routesTo are the VirtualServices by the hosts they lead to; nil until somebody asks.
	routesTo map[mesh.Host][]*mesh.VirtualService
}

// guarded lists the services whose servers a policy holds for, and those that VirtualServices send there.
func (f *guardFinder) guarded(p *mesh.Policy, what string) []reasoned {
	detail := "AuthorizationPolicy " + p.String() + " " + what
	among := f.world.catalog.byNamespace[p.Namespace]
	if p.Namespace == f.world.cfg.RootNamespace && !p.Attached {
		among = f.world.catalog.services
	}
	var out []reasoned
	for _, service := range among {
		if !f.holdsFor(p, service) {
			continue
		}
		out = append(out, reasoned{service, v1alpha1.SourcePolicy, detail})
		for _, route := range f.leadingTo(service.Host) {
			for _, entrance := range f.entrances(route) {
				out = append(out, reasoned{entrance, v1alpha1.SourcePolicy, detail + ", and " + route.String() + " leads there"})
			}
		}
	}
	return out
}

// holdsFor tells whether a policy holds for servers of a service. Where no known workload serves it, one may that has all the
// labels asked for.
func (f *guardFinder) holdsFor(p *mesh.Policy, s *mesh.Service) bool {
	switch {
	case p.Attached:
		return slices.ContainsFunc(p.Targets, func(t mesh.PolicyTarget) bool { return f.isOrServes(t, s) })
	case len(p.Selector) == 0:
		return servedByPods(s)
	}
	return f.served(s, p.Selector)
}

// isOrServes tells whether a policy's target is a service, or the gateway behind it.
func (f *guardFinder) isOrServes(t mesh.PolicyTarget, s *mesh.Service) bool {
	switch t.Kind {
	case "Gateway":
		return f.served(s, map[string]string{gatewayLabel: t.Name})
	case "ServiceEntry":
		return s.Kind == mesh.ServiceEntry && s.Name == t.Name
	default:
		return s.Kind == mesh.KubernetesService && s.Name == t.Name
	}
}

// served tells whether a selector picks servers of a service.
func (f *guardFinder) served(s *mesh.Service, selector map[string]string) bool {
	if !servedByPods(s) {
		return false
	}
	servers := f.serversOf(s)
	if len(servers) == 0 {
		return agree(selector, s.Selector)
	}
	return slices.ContainsFunc(servers, func(w *mesh.Workload) bool { return selects(selector, w.Labels) })
}

func servedByPods(s *mesh.Service) bool {
	return s.Kind == mesh.KubernetesService || len(s.Selector) > 0
}

func (f *guardFinder) serversOf(s *mesh.Service) []*mesh.Workload {
	servers, known := f.servers[s]
	if known {
		return servers
	}
	for _, workload := range f.world.crowd(s.Namespace).workloads {
		if selects(s.Selector, workload.Labels) {
			servers = append(servers, workload)
		}
	}
	f.servers[s] = servers
	return servers
}

// agree tells whether some pod could be picked by both selectors.
func agree(a, b map[string]string) bool {
	for key, value := range a {
		if other, ok := b[key]; ok && other != value {
			return false
		}
	}
	return true
}

func (f *guardFinder) leadingTo(host mesh.Host) []*mesh.VirtualService {
	if f.routesTo == nil {
		f.routesTo = map[mesh.Host][]*mesh.VirtualService{}
		for _, route := range f.world.catalog.routes {
			for _, destination := range route.Destinations {
				f.routesTo[destination] = append(f.routesTo[destination], route)
			}
		}
	}
	return f.routesTo[host]
}

// entrances are the services whose requests a VirtualService takes.
func (f *guardFinder) entrances(route *mesh.VirtualService) []*mesh.Service {
	var out []*mesh.Service
	for _, host := range route.Hosts {
		if !isWildcard(host) {
			out = append(out, f.world.catalog.byHost[host]...)
			continue
		}
		for _, service := range f.world.catalog.services {
			if overlap(host, service.Host) {
				out = append(out, service)
			}
		}
	}
	return out
}
