package cluster

import (
	"net/netip"
	"testing"
)

// Every address of a family lies in the range it is handed out from, and kube-apiserver takes the first one of its range.
func TestFamilies(t *testing.T) {
	for _, name := range Families() {
		p, err := Family(name).plan()
		if err != nil {
			t.Fatal(err)
		}
		pods, services := netip.MustParsePrefix(p.podCIDR), netip.MustParsePrefix(p.serviceCIDR)
		if !pods.Contains(netip.MustParseAddr(p.nodeIP)) || !services.Contains(netip.MustParseAddr(p.dnsIP)) || pods.Overlaps(services) {
			t.Errorf("%s: addresses outside of their ranges: %+v", name, p)
		}
		if first := services.Addr().Next(); first.String() != p.apiIP {
			t.Errorf("%s: the API server has %s, want %s", name, p.apiIP, first)
		}
	}
	if _, err := Family("ipx").plan(); err == nil {
		t.Error("a family that there is not is taken")
	}
}
