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

//go:embed divert-chain.yaml
var chainTemplate string

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
func divertSpec(cfg Config, diverted ranges) spec {
	chains := chain("lazyxds-tcp", diverted.cluster)
	if len(diverted.entries) > 0 {
		chains += chain("lazyxds-tcp-entries", diverted.entries)
	}
	// Two passes, because chains and routes mention the cluster.
	text := strings.NewReplacer("${route}", route, "${chains}", chains).Replace(divertTemplate)
	text = strings.NewReplacer(
		"${cluster}", egressCluster(cfg),
		"${addressPattern}", addressPattern(diverted.all()),
	).Replace(text)
	var typed networkingapi.EnvoyFilter
	if err := yaml.UnmarshalStrict([]byte(text), &typed); err != nil {
		panic("divert.yaml is no EnvoyFilter once filled in: " + err.Error())
	}
	return parseSpec(encode(&typed)) // encoded as the live ones are, so that comparing is cheap
}

// chain renders the filter chain that diverts some ranges.
func chain(name string, diverted []netip.Prefix) string {
	prefixes := make([]string, 0, len(diverted))
	for _, p := range diverted {
		prefixes = append(prefixes, fmt.Sprintf(`{address_prefix: "%s", prefix_len: %d}`, p.Addr(), p.Bits()))
	}
	return strings.NewReplacer("${name}", name, "${prefixRanges}", "["+strings.Join(prefixes, ", ")+"]").Replace(chainTemplate)
}

// ranges are addresses that divert rules send to the egress. Envoy closes the connections of a filter chain that changes, so that
// those of ServiceEntries, which come and go, have one for themselves.
type ranges struct {
	cluster, entries []netip.Prefix
}

func (r ranges) all() []netip.Prefix { return compactPrefixes(slices.Concat(r.cluster, r.entries)) }

// divertedRanges are the addresses that the divert rules of a namespace's workloads send to the egress. ServiceEntries bring
// their own, the rest follows from the cluster, so that a rule rarely changes.
func divertedRanges(w *world, namespace string) ranges {
	cluster := slices.Concat(w.snapshot.ServiceCIDRs, w.cfg.DivertedCIDRs, w.cfg.PodCIDRs)
	// A machine without IPv6 refuses a listener that so much as mentions an IPv6 range.
	ipv6 := slices.ContainsFunc(cluster, isIPv6)
	cluster = append(cluster, autoAllocated...)
	var entries []netip.Prefix
	for _, service := range w.catalog.addressedEntries {
		if mesh.Visible(service.ExportTo, service.Namespace, namespace) &&
			mesh.Visible(service.ExportTo, service.Namespace, w.cfg.EgressNamespace) {
			entries = append(entries, service.Addresses...)
		}
	}
	if !ipv6 {
		cluster, entries = slices.DeleteFunc(cluster, isIPv6), slices.DeleteFunc(entries, isIPv6)
	}
	known := func(entry netip.Prefix) bool {
		return slices.ContainsFunc(cluster, func(p netip.Prefix) bool { return covers(p, entry) })
	}
	return ranges{compactPrefixes(cluster), compactPrefixes(slices.DeleteFunc(entries, known))}
}
