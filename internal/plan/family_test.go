package plan

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// dualStack has an HTTP service and, on the same port, one of each other protocol, all on the given addresses.
func dualStack(addresses ...string) *mesh.Snapshot {
	var prefixes []netip.Prefix
	for _, address := range addresses {
		addr := netip.MustParseAddr(address)
		prefixes = append(prefixes, netip.PrefixFrom(addr, addr.BitLen()))
	}
	s := &mesh.Snapshot{
		Namespaces: []mesh.Namespace{{Name: "demo", Lazy: "true", Inject: true}},
		Workloads: []mesh.Workload{{
			WorkloadKey: mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"},
			Selector:    map[string]string{"app": "web"}, Labels: map[string]string{"app": "web"},
		}},
		Scopes: []mesh.Scope{{
			Key:          mesh.Key{Namespace: "demo", Name: "deployment-web"},
			Workload:     mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"},
			Dependencies: []mesh.Dependency{{Host: "http"}},
		}},
		Egress: mesh.Egress{Ready: 1},
	}
	for name, protocol := range map[mesh.Host]mesh.Protocol{
		"http": mesh.HTTP, "http-too": mesh.HTTP, "tcp": mesh.TCP, "tls": mesh.TLS, "undeclared": mesh.Undeclared, "udp": mesh.UDP,
	} {
		s.Services = append(s.Services, mesh.Service{
			Key: mesh.Key{Namespace: "other", Name: string(name)}, Host: name, Addresses: prefixes,
			Ports: []mesh.Port{{Number: 9080, Protocol: protocol}},
		})
	}
	return s
}

// TestAddressFamilies: on a port with an HTTP listener the divert rule's condition knows IPv4 only, so whatever else has an
// IPv6 address there is in scope; and where no range of addresses is known at all, so is everything.
func TestAddressFamilies(t *testing.T) {
	ipv4, ipv6 := netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("fd00::/108")
	for _, tt := range []struct {
		name      string
		addresses []string
		ranges    []netip.Prefix
		want      []mesh.Host
		notice    string
	}{
		{"IPv4", []string{"10.96.0.5"}, []netip.Prefix{ipv4}, []mesh.Host{"http", "tcp"}, ""},
		{"dual", []string{"10.96.0.5", "fd00::5"}, []netip.Prefix{ipv4, ipv6}, []mesh.Host{"http", "tcp", "tls", "undeclared"}, ""},
		{"unknown", []string{"10.96.0.5"}, nil, []mesh.Host{"http", "http-too", "tcp", "tls", "undeclared"}, "NoServiceRange"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := dualStack(tt.addresses...)
			s.ServiceCIDRs = tt.ranges
			p := Make(s, testConfig, noon)
			var got []mesh.Host
			for _, host := range p.Workloads[0].Hosts {
				if host.Namespace == "other" {
					got = append(got, host.Host)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			noted := slices.ContainsFunc(p.Notices, func(n Notice) bool { return n.Reason == "NoServiceRange" })
			if noted != (tt.notice != "") {
				t.Errorf("got notices %v", p.Notices)
			}
		})
	}
}
