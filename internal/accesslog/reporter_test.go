package accesslog

import (
	"errors"
	"net/netip"
	"testing"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

var egress = mesh.Key{Namespace: "istio-system", Name: "istio-egressgateway-lazyxds"}

// The egress names the clients; a sidecar speaks for its own pod, and so does one that only looks like the egress.
func TestReporter(t *testing.T) {
	const client = "10.244.0.7" // as the entry has it
	for id, want := range map[string]string{
		"sidecar~10.244.0.3~istio-egressgateway-lazyxds-6d4-x.istio-system~istio-system.svc.cluster.local": client,
		"sidecar~10.244.0.9~reviews-v1-abc.demo~demo.svc.cluster.local":                                    "10.244.0.9",
		"sidecar~fd00::9~reviews-v1-abc.demo~demo.svc.cluster.local":                                       "fd00::9",
		"sidecar~10.244.0.9~istio-egressgateway-lazyxds-6d4-x.demo~demo.svc.cluster.local":                 "10.244.0.9",
		"router~10.244.0.9~istio-egressgateway-lazyxds-6d4-x.istio-system~istio-system.svc.cluster.local":  "",
		"sidecar~nowhere~reviews-v1-abc.demo~demo.svc.cluster.local":                                       "",
		"sidecar~10.244.0.9":    "",
		"":                      "",
		"sidecar~~~":            "",
		"sidecar~10.244.0.9~~":  "10.244.0.9",
		"~~~~~~~~~~~~~~~~~~~~~": "",
	} {
		got, err := reporterOf(id, egress).attribute(mesh.Observation{Source: netip.MustParseAddr(client)})
		if want == "" {
			if !errors.Is(err, Rejection{NoReporter}) {
				t.Errorf("%q: %v, %v, want no reporter", id, got.Source, err)
			}
			continue
		}
		if err != nil || got.Source != netip.MustParseAddr(want) || got.Direct != (want != client) {
			t.Errorf("%q: %v, direct %v, %v, want %s", id, got.Source, got.Direct, err, want)
		}
	}
}
