package convert

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// istioGroup is the API group of ServiceEntries, and of host names as backends.
const istioGroup = "networking.istio.io"

// GatewayRoutes are the routes of the Gateway API in a mesh.
type GatewayRoutes struct {
	HTTP []*gatewayv1.HTTPRoute
	GRPC []*gatewayv1.GRPCRoute
	TLS  []*gatewayv1.TLSRoute
	TCP  []*gatewayv1.TCPRoute
}

// VirtualServices converts the routes that are attached to services; those attached to Gateways do not concern sidecars.
//
// An HTTPRoute or GRPCRoute in the service's own namespace holds for all callers, one in another namespace for the callers of
// that namespace only. Istio does not make this difference between TLSRoutes, nor between TCPRoutes, and it asks for
// ReferenceGrants at Gateways only.
func (g GatewayRoutes) VirtualServices(services []mesh.Service, clusterDomain string) []mesh.VirtualService {
	c := routeConverter{clusterDomain: clusterDomain, entries: map[mesh.Key][]mesh.Host{}}
	for i := range services {
		if s := &services[i]; s.Kind == mesh.ServiceEntry {
			c.entries[s.Key] = append(c.entries[s.Key], s.Host)
		}
	}
	for _, r := range g.HTTP {
		c.add("HTTPRoute", r, r.Spec.ParentRefs, httpBackends(r), consumersOwn)
	}
	for _, r := range g.GRPC {
		c.add("GRPCRoute", r, r.Spec.ParentRefs, grpcBackends(r), consumersOwn)
	}
	for _, r := range g.TLS {
		c.add("TLSRoute", r, r.Spec.ParentRefs, tlsBackends(r), nil)
	}
	for _, r := range g.TCP {
		c.add("TCPRoute", r, r.Spec.ParentRefs, tcpBackends(r), nil)
	}
	return c.out
}

// consumersOwn is to whom a route is exported that callers made for themselves.
var consumersOwn = []string{"."}

// routeConverter collects what routes are converted to.
type routeConverter struct {
	clusterDomain string
	entries       map[mesh.Key][]mesh.Host // the hosts of each ServiceEntry
	out           []mesh.VirtualService
}

// add converts a route: its parents in its own namespace make one VirtualService, which all see, those in others make one that is
// exported as given.
func (c *routeConverter) add(
	kind string, route metav1.Object, parents []gatewayv1.ParentReference, backends []gatewayv1.BackendObjectReference, foreign []string,
) {
	var own, others []mesh.Host
	for i := range parents {
		namespace := deref(parents[i].Namespace, route.GetNamespace())
		if hosts := c.parent(&parents[i], namespace); namespace == route.GetNamespace() {
			own = append(own, hosts...)
		} else {
			others = append(others, hosts...)
		}
	}
	var destinations []mesh.Host
	for i := range backends {
		destinations = append(destinations, c.backend(&backends[i], route.GetNamespace()))
	}
	destinations = sortedHosts(destinations)
	export := func(hosts []mesh.Host, to []string) {
		if len(hosts) > 0 {
			c.out = append(c.out, mesh.VirtualService{
				Key: key(route), Kind: kind, Hosts: sortedHosts(hosts), Mesh: true, Destinations: destinations, ExportTo: to,
			})
		}
	}
	export(own, nil)
	export(others, foreign)
}

// parent lists the hosts of a parent; none for a Gateway, or what else is no service.
func (c *routeConverter) parent(p *gatewayv1.ParentReference, namespace string) []mesh.Host {
	switch deref(p.Group, gatewayv1.GroupName) + "/" + deref(p.Kind, "Gateway") {
	case "/Service":
		return []mesh.Host{ServiceHost(string(p.Name), namespace, c.clusterDomain)}
	case istioGroup + "/ServiceEntry":
		return c.entries[mesh.Key{Namespace: namespace, Name: string(p.Name)}]
	}
	return nil
}

// backend is the host of a backend; empty for one that Istio does not know.
func (c *routeConverter) backend(b *gatewayv1.BackendObjectReference, routeNamespace string) mesh.Host {
	switch deref(b.Group, "") + "/" + deref(b.Kind, "Service") {
	case "/Service", "multicluster.x-k8s.io/ServiceImport":
		return ServiceHost(string(b.Name), deref(b.Namespace, routeNamespace), c.clusterDomain)
	case istioGroup + "/Hostname":
		return Host(string(b.Name))
	}
	return ""
}

func httpBackends(r *gatewayv1.HTTPRoute) []gatewayv1.BackendObjectReference {
	var out []gatewayv1.BackendObjectReference
	for i := range r.Spec.Rules {
		for _, b := range r.Spec.Rules[i].BackendRefs {
			out = append(out, b.BackendObjectReference)
		}
		for _, f := range r.Spec.Rules[i].Filters {
			if f.RequestMirror != nil {
				out = append(out, f.RequestMirror.BackendRef)
			}
		}
	}
	return out
}

func grpcBackends(r *gatewayv1.GRPCRoute) []gatewayv1.BackendObjectReference {
	var out []gatewayv1.BackendObjectReference
	for i := range r.Spec.Rules {
		for _, b := range r.Spec.Rules[i].BackendRefs {
			out = append(out, b.BackendObjectReference)
		}
		for _, f := range r.Spec.Rules[i].Filters {
			if f.RequestMirror != nil {
				out = append(out, f.RequestMirror.BackendRef)
			}
		}
	}
	return out
}

func tlsBackends(r *gatewayv1.TLSRoute) []gatewayv1.BackendObjectReference {
	var out []gatewayv1.BackendObjectReference
	for i := range r.Spec.Rules {
		for _, b := range r.Spec.Rules[i].BackendRefs {
			out = append(out, b.BackendObjectReference)
		}
	}
	return out
}

func tcpBackends(r *gatewayv1.TCPRoute) []gatewayv1.BackendObjectReference {
	var out []gatewayv1.BackendObjectReference
	for i := range r.Spec.Rules {
		for _, b := range r.Spec.Rules[i].BackendRefs {
			out = append(out, b.BackendObjectReference)
		}
	}
	return out
}

// deref is what an optional name says, or its default.
func deref[T ~string](name *T, otherwise string) string {
	if name == nil {
		return otherwise
	}
	return string(*name)
}
