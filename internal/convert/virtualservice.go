package convert

import (
	"slices"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// meshGateway is the reserved gateway name that stands for all sidecars.
const meshGateway = "mesh"

// VirtualServices converts all VirtualServices of a mesh together, because one may delegate routes to another. Those
// without hosts only serve as delegates and do not appear by themselves.
func VirtualServices(all []*networkingv1.VirtualService, clusterDomain string) []mesh.VirtualService {
	byKey := make(map[mesh.Key]*networkingv1.VirtualService)
	for _, vs := range all {
		if len(vs.Spec.Hosts) == 0 {
			byKey[key(vs)] = vs
		}
	}
	out := make([]mesh.VirtualService, 0, len(all))
	for _, vs := range all {
		if len(vs.Spec.Hosts) == 0 {
			continue
		}
		hosts := make([]mesh.Host, 0, len(vs.Spec.Hosts))
		for _, host := range vs.Spec.Hosts {
			hosts = append(hosts, resolve(host, vs.Namespace, clusterDomain))
		}
		out = append(out, mesh.VirtualService{
			Key:          key(vs),
			Kind:         "VirtualService",
			Hosts:        sortedHosts(hosts),
			Mesh:         appliesToSidecars(&vs.Spec),
			Destinations: sortedHosts(withDelegates(vs, byKey, clusterDomain)),
			ExportTo:     vs.Spec.ExportTo,
		})
	}
	return out
}

// appliesToSidecars also says yes where only a single match names the mesh gateway: to bring a route too many into scope
// is harmless, one too few is not.
func appliesToSidecars(spec *networkingapi.VirtualService) bool {
	if len(spec.Gateways) == 0 || slices.Contains(spec.Gateways, meshGateway) {
		return true
	}
	for _, route := range spec.Http {
		for _, match := range route.GetMatch() {
			if slices.Contains(match.GetGateways(), meshGateway) {
				return true
			}
		}
	}
	return false
}

// withDelegates collects a VirtualService's destinations and those of its delegates. Istio follows one level only.
func withDelegates(
	vs *networkingv1.VirtualService, delegates map[mesh.Key]*networkingv1.VirtualService, clusterDomain string,
) []mesh.Host {
	out := destinations(vs, clusterDomain)
	for _, route := range vs.Spec.Http {
		delegate := route.GetDelegate()
		if delegate == nil {
			continue
		}
		namespace := delegate.GetNamespace()
		if namespace == "" {
			namespace = vs.Namespace
		}
		if target, ok := delegates[mesh.Key{Namespace: namespace, Name: delegate.GetName()}]; ok {
			out = append(out, destinations(target, clusterDomain)...)
		}
	}
	return out
}

func destinations(vs *networkingv1.VirtualService, clusterDomain string) []mesh.Host {
	var out []mesh.Host
	add := func(d *networkingapi.Destination) {
		if d.GetHost() != "" {
			out = append(out, resolve(d.GetHost(), vs.Namespace, clusterDomain))
		}
	}
	for _, route := range vs.Spec.Http {
		for _, r := range route.GetRoute() {
			add(r.GetDestination())
		}
		add(route.GetMirror())
		for _, m := range route.GetMirrors() {
			add(m.GetDestination())
		}
	}
	for _, route := range vs.Spec.Tcp {
		for _, r := range route.GetRoute() {
			add(r.GetDestination())
		}
	}
	for _, route := range vs.Spec.Tls {
		for _, r := range route.GetRoute() {
			add(r.GetDestination())
		}
	}
	return out
}
