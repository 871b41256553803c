package plan

import (
	_ "embed"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

//go:embed divert.yaml
var divertTemplate string

// autoAllocated are the ranges istiod takes the virtual addresses of ServiceEntries from.
var autoAllocated = []netip.Prefix{netip.MustParsePrefix("240.240.0.0/16"), netip.MustParsePrefix("2001:2::/48")}

// route is what replaces the action of a catch-all route. It has no timeout, as the route it replaces: the
// egress applies the service's own.
const route = `{cluster: "${cluster}", timeout: 0s, retry_policy: {` +
	`retry_on: "connect-failure,refused-stream", num_retries: 2, host_selection_retry_max_attempts: "5", ` +
	`retry_host_predicate: [{name: envoy.retry_host_predicates.previous_hosts, typed_config: ` +
	`{"@type": type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate}}]}}`

// egressCluster is the name Istio gives the cluster of the fallback egress.
func egressCluster(cfg Config) string { return "outbound|8080||" + string(egressHost(cfg)) }

// divertSpec renders the spec of a divert rule without its workloadSelector.
func divertSpec(cfg Config, diverted []netip.Prefix) spec {
	ranges := make([]string, 0, len(diverted))
	for _, p := range diverted {
		ranges = append(ranges, fmt.Sprintf(`{address_prefix: "%s", prefix_len: %d}`, p.Addr(), p.Bits()))
	}
	// Two passes, because the route mentions the cluster.
	text := strings.ReplaceAll(divertTemplate, "${route}", route)
	text = strings.NewReplacer(
		"${cluster}", egressCluster(cfg),
		"${prefixRanges}", "["+strings.Join(ranges, ", ")+"]",
		"${addressPattern}", addressPattern(diverted),
	).Replace(text)
	var typed networkingapi.EnvoyFilter
	if err := yaml.UnmarshalStrict([]byte(text), &typed); err != nil {
		panic("divert.yaml is no EnvoyFilter once filled in: " + err.Error())
	}
	return parseSpec(encode(&typed)) // encoded as the live ones are, so that comparing is cheap
}

// divertedRanges are the addresses that the divert rules of a namespace's workloads send to the egress. ServiceEntries bring
// their own, the rest follows from the cluster, so that a rule rarely changes.
func divertedRanges(w *world, namespace string) []netip.Prefix {
	ranges := slices.Concat(w.snapshot.ServiceCIDRs, w.cfg.DivertedCIDRs, w.cfg.PodCIDRs)
	// A machine without IPv6 refuses a listener that so much as mentions an IPv6 range.
	ipv6 := slices.ContainsFunc(ranges, isIPv6)
	ranges = append(ranges, autoAllocated...)
	for _, service := range w.catalog.addressedEntries {
		if mesh.Visible(service.ExportTo, service.Namespace, namespace) &&
			mesh.Visible(service.ExportTo, service.Namespace, w.cfg.EgressNamespace) {
			ranges = append(ranges, service.Addresses...)
		}
	}
	if !ipv6 {
		ranges = slices.DeleteFunc(ranges, isIPv6)
	}
	return compactPrefixes(ranges)
}
