package convert

import (
	"net/netip"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// exportToAnnotation limits who may see a Kubernetes Service, as exportTo does for Istio's own objects.
const exportToAnnotation = "networking.istio.io/exportTo"

// Service converts a Kubernetes Service.
func Service(s *corev1.Service, clusterDomain string) mesh.Service {
	out := mesh.Service{
		Key:      key(s),
		Kind:     mesh.KubernetesService,
		Host:     ServiceHost(s.Name, s.Namespace, clusterDomain),
		Headless: s.Spec.ClusterIP == corev1.ClusterIPNone,
		ExportTo: splitList(s.Annotations[exportToAnnotation]),
		Selector: s.Spec.Selector,
		Lazy:     s.Annotations[LazyAnnotation],
		Patterns: patternsOf(s.Annotations),
	}
	if s.Spec.Type == corev1.ServiceTypeExternalName {
		out.External = Host(s.Spec.ExternalName)
	}
	for _, address := range clusterIPs(&s.Spec) {
		if prefix, ok := parsePrefix(address); ok {
			out.Addresses = append(out.Addresses, prefix)
		}
	}
	for i := range s.Spec.Ports {
		p := &s.Spec.Ports[i]
		if number, ok := portNumber(p.Port); ok {
			out.Ports = append(out.Ports, mesh.Port{Number: number, Name: p.Name, Protocol: servicePortProtocol(p)})
		}
	}
	return out
}

func clusterIPs(spec *corev1.ServiceSpec) []string {
	if len(spec.ClusterIPs) > 0 {
		return spec.ClusterIPs
	}
	return []string{spec.ClusterIP}
}

// ServiceEntry converts a ServiceEntry, which is one service for each of its hosts.
func ServiceEntry(se *networkingv1.ServiceEntry) []mesh.Service {
	ports := serviceEntryPorts(se.Spec.Ports)
	declared := declaredAddresses(se.Spec.Addresses)
	out := make([]mesh.Service, 0, len(se.Spec.Hosts))
	for _, host := range se.Spec.Hosts {
		service := mesh.Service{
			Key:       key(se),
			Kind:      mesh.ServiceEntry,
			Host:      Host(host),
			Addresses: declared,
			Ports:     ports,
			ExportTo:  se.Spec.ExportTo,
			Selector:  se.Spec.GetWorkloadSelector().GetLabels(),
		}
		if len(se.Spec.Addresses) == 0 {
			service.Addresses = allocatedAddresses(se, host)
			service.AutoAllocated = len(service.Addresses) > 0
		}
		out = append(out, service)
	}
	return out
}

func serviceEntryPorts(ports []*networkingapi.ServicePort) []mesh.Port {
	out := make([]mesh.Port, 0, len(ports))
	for _, p := range ports {
		number, ok := portNumber(p.GetNumber())
		if !ok {
			continue
		}
		protocol := protocols[strings.ToLower(p.GetProtocol())]
		out = append(out, mesh.Port{Number: number, Name: p.GetName(), Protocol: protocol})
	}
	return out
}

func declaredAddresses(addresses []string) []netip.Prefix {
	var out []netip.Prefix
	for _, address := range addresses {
		if prefix, ok := parsePrefix(address); ok {
			out = append(out, prefix)
		}
	}
	return out
}

// allocatedAddresses are those istiod gave a host. Istio ignores them with resolution NONE, and where a label opts out.
func allocatedAddresses(se *networkingv1.ServiceEntry, host string) []netip.Prefix {
	if se.Spec.Resolution == networkingapi.ServiceEntry_NONE ||
		strings.EqualFold(se.Labels["networking.istio.io/enable-autoallocate-ip"], "false") {
		return nil
	}
	var out []netip.Prefix
	for _, address := range se.Status.Addresses {
		if prefix, ok := parsePrefix(address.GetValue()); ok && address.GetHost() == host {
			out = append(out, prefix)
		}
	}
	return out
}

// parsePrefix reads an address or a CIDR; "None", empty and unreadable ones are no prefix.
func parsePrefix(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(s)
	return prefix.Masked(), err == nil
}

func portNumber[N int32 | uint32](n N) (uint16, bool) {
	return uint16(n), n > 0 && n <= 65535
}

func splitList(s string) []string {
	var out []string
	for item := range strings.SplitSeq(s, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}
