package demo

import (
	"net/netip"
	"testing"
)

func TestParseServices(t *testing.T) {
	for text, want := range map[string]int{"0": 0, "200": 200, "60000": 60000} {
		if got, err := ParseServices(text); err != nil || got != want {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "-1", "many", "1e3", "2.5", "60001", "99999999999999999999"} {
		if got, err := ParseServices(text); err == nil {
			t.Errorf("%q is taken for %d", text, got)
		}
	}
}

// However many services there are, every endpoint has a valid address that no other and no pod has.
func TestExtraServiceAddresses(t *testing.T) {
	pods := netip.MustParsePrefix("10.244.0.0/16")
	seen := map[netip.Addr]bool{}
	for i := range MaxServices {
		_, slice := extraService(i)
		for _, endpoint := range slice.Endpoints {
			address, err := netip.ParseAddr(endpoint.Addresses[0])
			if err != nil || pods.Contains(address) || seen[address] {
				t.Fatalf("service %d: address %q (%v)", i, endpoint.Addresses[0], err)
			}
			seen[address] = true
		}
	}
}

func TestExtraServicesShareNamespaces(t *testing.T) {
	count := map[string]int{}
	for i := range 50 {
		service, slice := extraService(i)
		if *service.Namespace != *slice.Namespace {
			t.Errorf("service %d is in %s, its endpoints in %s", i, *service.Namespace, *slice.Namespace)
		}
		count[*service.Namespace]++
	}
	if len(count) != 3 || count["extra-000"] != perNamespace || count["extra-002"] != 10 {
		t.Errorf("services by namespace: %v", count)
	}
}
