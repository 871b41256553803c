package plan

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// reasoned is a service that belongs in a scope, and why.
type reasoned struct {
	service *mesh.Service
	source  v1alpha1.Source
	detail  string
}

// sources fill a scope. A host that several of them bring keeps the first one's reason; closure.go then adds what the hosts
// in scope entail. The rule behind them: what the fallback cannot catch or must not carry is in scope from the start.
var sources = []func(*builder){observed, included, system, referenced, exceptions, namesOfSidecars, permitted, ownRoutes}

// observed brings what the workload was seen to call, as long as it exists and the user did not exclude it.
func observed(b *builder) {
	for _, dependency := range b.dependencies {
		for _, service := range b.world.catalog.named(dependency.Host, b.namespace) {
			excluded := func(p wanted) bool { return p.covers(service.Namespace, service.Host) }
			if slices.ContainsFunc(b.exclude, excluded) {
				continue
			}
			detail := ""
			if !dependency.FirstSeen.IsZero() {
				detail = "called since " + dependency.FirstSeen.UTC().Format(time.RFC3339)
			}
			if !dependency.ExpiresAt.IsZero() {
				detail += ", expires at " + dependency.ExpiresAt.UTC().Format(time.RFC3339)
			}
			b.add(reasoned{service, v1alpha1.SourceObserved, detail})
		}
	}
}

// included brings what the user asked for. A pattern stands in the Sidecar as it is; the services it covers are added for
// what they entail.
func included(b *builder) {
	for _, p := range b.include {
		detail := fmt.Sprintf("%s has %s/%s", p.by, p.namespace, p.host)
		for _, service := range b.world.catalog.matching(p.pattern, b.namespace) {
			b.add(reasoned{service, v1alpha1.SourceInclude, detail})
		}
		b.name(ScopedHost{
			Namespace: p.namespace, Host: p.host, Source: v1alpha1.SourceInclude, Detail: detail, pattern: !p.exact(),
		})
	}
}

// system brings the fallback egress, without which nothing else can be reached, the API server, and the controller where the
// workload's sidecars report to it.
func system(b *builder) {
	egress := ScopedHost{
		Namespace: b.world.cfg.EgressNamespace, Host: egressHost(b.world.cfg),
		Source: v1alpha1.SourceSystem, Detail: "the fallback egress",
	}
	b.name(egress) // even if its Service is missing right now
	b.addNamed(egress.Host, egress.Source, egress.Detail)
	apiServer := mesh.Host("kubernetes.default.svc." + b.world.cfg.ClusterDomain)
	b.addNamed(apiServer, v1alpha1.SourceSystem, "the API server")
	if b.reports {
		b.addNamed(controllerHost(b.world.cfg), v1alpha1.SourceSystem, "its sidecars report there what it calls")
	}
}

// referenced brings what the proxies call by themselves. A sidecar refuses a listener that names a cluster it does not have.
func referenced(b *builder) {
	for _, r := range b.view.references {
		b.addNamed(r.Host, v1alpha1.SourceSystem, r.By+" names it")
	}
}

func egressHost(cfg Config) mesh.Host {
	return mesh.Host(EgressName + "." + cfg.EgressNamespace + ".svc." + cfg.ClusterDomain)
}

// exceptions brings the services of the namespace's view that the fallback cannot stand in for.
func exceptions(b *builder) {
	for _, r := range b.view.base {
		if toldByHost(r) && !b.answersDNS {
			b.toldByHost = append(b.toldByHost, r)
			continue
		}
		b.add(r)
	}
	if !b.learnsHeadless {
		for _, r := range b.view.headless {
			b.add(r)
		}
	}
}

// namesOfSidecars brings the ServiceEntries with an address of their own where sidecars answer DNS queries: they answer for what
// is in scope, and nobody else knows those names.
func namesOfSidecars(b *builder) {
	if !b.answersDNS {
		return
	}
	for _, service := range b.world.catalog.addressedEntries {
		if mesh.Visible(service.ExportTo, service.Namespace, b.namespace) && slices.ContainsFunc(service.Addresses, netip.Prefix.IsSingleIP) {
			b.add(reasoned{service, v1alpha1.SourceUnaddressed, "sidecars alone know the address of its name"})
		}
	}
}

// permitted brings the services that AuthorizationPolicies let the workload call by its name, which the fallback does not have.
func permitted(b *builder) {
	for _, r := range b.world.guards.naming(b.identity) {
		if mesh.Visible(r.service.ExportTo, r.service.Namespace, b.namespace) {
			b.add(r)
		}
	}
}

// ownRoutes brings the VirtualServices that the egress would not apply as the workload's own sidecar does, and what they are
// about.
func ownRoutes(b *builder) {
	for _, route := range b.view.routes {
		private := !mesh.Visible(route.ExportTo, route.Namespace, b.world.cfg.EgressNamespace)
		detail := route.String() + " holds here only"
		for _, host := range route.Hosts {
			switch {
			case !isWildcard(host):
				b.name(ScopedHost{Namespace: route.Namespace, Host: host, Source: v1alpha1.SourcePrivate, Detail: detail})
			case !private:
				continue // the egress applies it as well, and it may cover everything
			}
			for _, service := range b.world.catalog.matching(pattern{"*", host}, b.namespace) {
				b.add(reasoned{service, v1alpha1.SourcePrivate, detail})
			}
		}
		b.addDestinations(route)
	}
}

// exceptional lists the services that may be in scope from the start somewhere, so that each namespace need not look at all.
func exceptional(w *world) []*mesh.Service {
	ranges := slices.Concat(w.snapshot.ServiceCIDRs, w.cfg.DivertedCIDRs, autoAllocated)
	var out []*mesh.Service
	for _, service := range w.catalog.services {
		if _, _, ok := exception(service, w.cfg.EgressNamespace, ranges); ok {
			out = append(out, service)
		}
	}
	return out
}

// baseServices are the exceptional services that a namespace sees; headless are those among them that can be learned where
// pods' addresses are diverted.
func baseServices(w *world, namespace string, ranges []netip.Prefix) (base, headless []reasoned) {
	for _, service := range w.catalog.exceptional {
		if !mesh.Visible(service.ExportTo, service.Namespace, namespace) {
			continue
		}
		source, detail, ok := exception(service, w.cfg.EgressNamespace, ranges)
		switch {
		case !ok:
			continue
		case source == v1alpha1.SourceHeadless && len(w.cfg.PodCIDRs) > 0:
			pinned, cannot := w.pinned(service, namespace)
			if !cannot {
				headless = append(headless, reasoned{service, source, detail})
				continue
			}
			detail = pinned
		}
		base = append(base, reasoned{service, source, detail})
	}
	return base, headless
}

// exception tells why the fallback cannot stand in for a service, if so.
func exception(s *mesh.Service, egressNamespace string, ranges []netip.Prefix) (v1alpha1.Source, string, bool) {
	switch {
	case s.External != "":
		return v1alpha1.SourceUnaddressed, "an ExternalName for " + string(s.External), true
	case !carried(s):
		return "", "", false
	case !mesh.Visible(s.ExportTo, s.Namespace, egressNamespace):
		return v1alpha1.SourcePrivate, "not exported to " + egressNamespace + ", where the fallback egress runs", true
	case s.Headless:
		return v1alpha1.SourceHeadless, "dialled by the addresses of its pods", true
	case s.Kind == mesh.ServiceEntry && len(s.Addresses) == 0:
		return v1alpha1.SourceUnaddressed, "no virtual address", true
	case s.AutoAllocated:
		return v1alpha1.SourceUnaddressed, "no virtual address but one that only DNS proxies know", true
	}
	for _, address := range s.Addresses {
		if !slices.ContainsFunc(ranges, func(r netip.Prefix) bool { return covers(r, address) }) {
			return v1alpha1.SourceUnaddressed, "its address " + address.Addr().String() + " is not in the diverted ranges", true
		}
	}
	return "", "", false
}

// references are the services that proxies in a namespace call by themselves.
func references(s *mesh.Snapshot, namespace string) []mesh.Reference {
	var out []mesh.Reference
	for _, r := range s.References {
		if r.Namespace == "" || r.Namespace == namespace {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b mesh.Reference) int {
		return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.By, b.By))
	})
	return out
}

// routesOfItsOwn are the VirtualServices whose effect the egress may not know: those it cannot see, and those of the
// namespace itself about services that others own, which win over what holds elsewhere.
func routesOfItsOwn(w *world, namespace string) []*mesh.VirtualService {
	var out []*mesh.VirtualService
	for _, route := range w.catalog.routes {
		if !mesh.Visible(route.ExportTo, route.Namespace, namespace) {
			continue
		}
		private := !mesh.Visible(route.ExportTo, route.Namespace, w.cfg.EgressNamespace)
		if private || route.Namespace == namespace && aboutOthers(w, route) {
			out = append(out, route)
		}
	}
	return out
}

// misroutedServices are those whose requests the egress would route by VirtualServices that it sees and the namespace does not.
func misroutedServices(w *world, namespace string) []reasoned {
	var out []reasoned
	for _, route := range w.catalog.routes {
		theirs := mesh.Visible(route.ExportTo, route.Namespace, w.cfg.EgressNamespace)
		if !theirs || mesh.Visible(route.ExportTo, route.Namespace, namespace) {
			continue
		}
		for _, host := range route.Hosts {
			for _, service := range w.catalog.matching(pattern{"*", host}, namespace) {
				out = append(out, reasoned{service, v1alpha1.SourcePrivate, route.String() + " holds for the fallback egress, not here"})
			}
		}
	}
	return out
}

func aboutOthers(w *world, route *mesh.VirtualService) bool {
	return slices.ContainsFunc(route.Hosts, func(host mesh.Host) bool {
		own := func(s *mesh.Service) bool { return s.Namespace == route.Namespace }
		return !isWildcard(host) && !slices.ContainsFunc(w.catalog.byHost[host], own)
	})
}
