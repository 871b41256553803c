package plan

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// TestWarmAll: whatever a Sidecar warmed, it warms everything from now on, and its proxies call what they called.
func TestWarmAll(t *testing.T) {
	s := &networkingv1.Sidecar{Spec: networkingapi.Sidecar{Egress: []*networkingapi.IstioEgressListener{{Hosts: []string{"demo/a"}}}}}
	s.Labels = map[string]string{convert.ManagedByLabel: convert.ManagedBy}
	for _, now := range []time.Time{noon, noon.Add(time.Minute)} {
		WarmAll(s, now)
		if n := len(s.Spec.Egress); n != 2 || s.Spec.Egress[1].Port != nil {
			t.Fatalf("%d listeners, and Istio wants the one without a port last: %v", n, s.Spec.Egress)
		}
		got, err := convert.Sidecar(s, "istio-system")
		if err != nil {
			t.Fatal(err)
		}
		got.Spec, got.Ours = nil, false
		want := mesh.Sidecar{Hosts: []string{"demo/a"}, Warm: everything, WarmSince: now}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
}

func TestLacking(t *testing.T) {
	for name, tt := range map[string]struct{ hosts, held, want []string }{
		"the same":                    {[]string{"a/x", "b/*"}, []string{"a/x", "b/*"}, nil},
		"some":                        {[]string{"a/x", "a/y"}, []string{"a/y"}, []string{"a/x"}},
		"everything is held":          {[]string{"a/x", "a/*"}, everything, nil},
		"a namespace is held":         {[]string{"a/x", "b/x"}, []string{"a/*"}, []string{"b/x"}},
		"a domain is held":            {[]string{"a/x.org", "a/x.com"}, []string{"*/*.org"}, []string{"a/x.com"}},
		"a namespace is not its host": {[]string{"a/*"}, []string{"a/x"}, []string{"a/*"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, lacking(tt.hosts, tt.held)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}
