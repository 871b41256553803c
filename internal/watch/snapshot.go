package watch

import (
	"errors"
	"net/netip"
	"slices"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	corev1 "k8s.io/api/core/v1"
	k8snetworkingv1 "k8s.io/api/networking/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Snapshot is what is known now. An object that cannot be read is left out, which the error tells; the snapshot is good all
// the same.
func (w *Watch) Snapshot() (*mesh.Snapshot, error) {
	s := &w.stores
	config, configErr := w.meshConfig()
	sidecars, sidecarErr := memorize(&w.memory.sidecars, all[networkingv1.Sidecar](s.sidecars), w.sidecar)
	rules, ruleErr := memorize(&w.memory.divertRules, ours(all[networkingv1alpha3.EnvoyFilter](s.envoyFilters)), convert.DivertRule)
	references, referenceErr := w.references(config)
	policies, policyErr := memorize(&w.memory.policies, w.enforcedPolicies(), convert.Policy)
	services := config.Services(w.services(), w.namespaces(config))
	scopes, _ := memorize(&w.memory.scopes, all[v1alpha1.WorkloadScope](s.scopes), infallible(convert.Scope))
	out := &mesh.Snapshot{
		Namespaces:       w.namespaces(config),
		Services:         services,
		VirtualServices:  w.virtualServices(services),
		DestinationRules: w.destinationRules(),
		Sidecars:         sidecars,
		Workloads:        w.workloads(),
		DivertRules:      rules,
		Scopes:           scopes,
		References:       references,
		Policies:         policies,
		Egress:           w.egress(),
		Istio:            mesh.Istio{Version: w.istioVersion()},
		ServiceCIDRs:     w.serviceCIDRs(),
	}
	config.Restrict(out)
	return out, errors.Join(configErr, sidecarErr, ruleErr, referenceErr, policyErr)
}

// Services lists the services of the mesh.
func (w *Watch) Services() []mesh.Service {
	config, _ := w.meshConfig() // Snapshot tells what is wrong with it
	return config.Services(w.services(), w.namespaces(config))
}

// services lists those that istiod does not know too.
func (w *Watch) services() []mesh.Service {
	services, _ := memorize(&w.memory.services, all[corev1.Service](w.stores.services),
		func(s *corev1.Service) (mesh.Service, error) { return convert.Service(s, w.cfg.ClusterDomain), nil })
	entries, _ := memorize(&w.memory.serviceEntries, all[networkingv1.ServiceEntry](w.stores.serviceEntries),
		infallible(convert.ServiceEntry))
	for _, hosts := range entries {
		services = append(services, hosts...)
	}
	return services
}

// virtualServices lists the routes of the mesh, those of the Gateway API among them.
func (w *Watch) virtualServices(services []mesh.Service) []mesh.VirtualService {
	routes := convert.GatewayRoutes{
		HTTP: all[gatewayv1.HTTPRoute](w.stores.httpRoutes), GRPC: all[gatewayv1.GRPCRoute](w.stores.grpcRoutes),
		TLS: all[gatewayv1.TLSRoute](w.stores.tlsRoutes), TCP: all[gatewayv1.TCPRoute](w.stores.tcpRoutes),
	}
	return append(convert.VirtualServices(all[networkingv1.VirtualService](w.stores.virtualServices), w.cfg.ClusterDomain),
		routes.VirtualServices(services, w.cfg.ClusterDomain)...)
}

func (w *Watch) sidecar(s *networkingv1.Sidecar) (mesh.Sidecar, error) {
	return convert.Sidecar(s, w.cfg.RootNamespace)
}

func (w *Watch) destinationRules() []mesh.DestinationRule {
	out, _ := memorize(&w.memory.destinationRules, all[networkingv1.DestinationRule](w.stores.destinationRules),
		infallible(func(d *networkingv1.DestinationRule) mesh.DestinationRule {
			return convert.DestinationRule(d, w.cfg.ClusterDomain)
		}))
	return out
}

func (w *Watch) namespaces(config convert.MeshConfig) []mesh.Namespace {
	var out []mesh.Namespace
	for _, n := range all[corev1.Namespace](w.stores.namespaces) {
		out = append(out, convert.Namespace(n, config))
	}
	return out
}

func ours(filters []*networkingv1alpha3.EnvoyFilter) []*networkingv1alpha3.EnvoyFilter {
	var out []*networkingv1alpha3.EnvoyFilter
	for _, f := range filters {
		if convert.Ours(f) {
			out = append(out, f)
		}
	}
	return out
}

func (w *Watch) enforcedPolicies() []*securityv1.AuthorizationPolicy {
	return slices.DeleteFunc(all[securityv1.AuthorizationPolicy](w.stores.policies), convert.DryRun)
}

func (w *Watch) serviceCIDRs() []netip.Prefix {
	var out []netip.Prefix
	for _, c := range all[k8snetworkingv1.ServiceCIDR](w.stores.serviceCIDRs) {
		for _, cidr := range c.Spec.CIDRs {
			if prefix, err := netip.ParsePrefix(cidr); err == nil {
				out = append(out, prefix)
			}
		}
	}
	return out
}
