package plan

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// TestNamesOfSidecars: a sidecar that answers DNS queries answers for what is in its scope. So names that nobody else knows are in scope
// from the start, unless it has no single address to answer with.
func TestNamesOfSidecars(t *testing.T) {
	for _, tt := range []struct {
		name, address string
		answers, want bool
	}{
		{"sidecars answer", "192.0.2.1/32", true, true},
		{"others answer", "192.0.2.1/32", false, false},
		{"a range", "192.0.2.0/24", true, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := dualStack("10.96.0.5")
			s.ServiceCIDRs = []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")}
			s.Workloads[0].AnswersDNS = tt.answers
			s.Services = append(s.Services, mesh.Service{
				Key: mesh.Key{Namespace: "other", Name: "entry"}, Kind: mesh.ServiceEntry, Host: "named.example.com",
				Addresses: []netip.Prefix{netip.MustParsePrefix(tt.address)}, Ports: []mesh.Port{{Number: 80, Protocol: mesh.HTTP}},
			})
			got := slices.ContainsFunc(Make(s, testConfig, noon).Workloads[0].Hosts, func(h ScopedHost) bool { return h.Host == "named.example.com" })
			if got != tt.want {
				t.Errorf("in scope: %v, want %v", got, tt.want)
			}
		})
	}
}
