package plan

import (
	"flag"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

var testConfig = Config{RootNamespace: "istio-system", EgressNamespace: "istio-system", ClusterDomain: "cluster.local", Sampling: 100}

// TestRules compares the rules of a small mesh with those in testdata, which are as users find them in their cluster.
func TestRules(t *testing.T) {
	key := mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"}
	c := &candidate{key: key, object: mesh.Key{Namespace: "demo", Name: ObjectName(key)}}
	diverted := ranges{
		cluster: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12"), autoAllocated[0]},
		entries: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")},
	}
	pods := map[string]string{"app": "web"}
	for path, rule := range map[string]*networkingv1alpha3.EnvoyFilter{
		"testdata/divert-rule.yaml":    newRule(c, divertSpec(testConfig, diverted).selecting(pods)),
		"testdata/observing-rule.yaml": newObservingRule(c, reportSpec(testConfig).selecting(pods)),
	} {
		got, err := yaml.Marshal(rule)
		if err != nil {
			t.Fatal(err)
		}
		if flag.Lookup("update").Value.String() == "true" {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), string(got)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", path, diff)
		}
		if strings.Contains(string(got), "${") {
			t.Errorf("%s: something was not filled in", path)
		}
	}
}

// TestDivertRuleIsStable reads a rule back as the API server returns it: it must be taken for the same, byte for byte.
func TestDivertRuleIsStable(t *testing.T) {
	want := divertSpec(testConfig, ranges{cluster: autoAllocated}).selecting(map[string]string{"b": "2", "a": "1"})
	var typed networkingapi.EnvoyFilter
	want.into(&typed)
	stored, err := yaml.Marshal(&networkingv1alpha3.EnvoyFilter{Spec: *typed.DeepCopy()})
	if err != nil {
		t.Fatal(err)
	}
	var live networkingv1alpha3.EnvoyFilter
	if err := yaml.UnmarshalStrict(stored, &live); err != nil {
		t.Fatal(err)
	}
	if !want.same(encode(&live.Spec)) {
		t.Error("a rule differs from itself")
	}
	for field, value := range parseSpec(encode(&live.Spec)) {
		if string(value) != string(want[field]) {
			t.Errorf("%s is encoded in another order, which makes comparing slow", field)
		}
	}
	if want.same(encode(&networkingapi.EnvoyFilter{})) || want.same([]byte("{")) || want.same(nil) {
		t.Error("a rule is the same as something else")
	}
}

// TestDivertedRanges: an IPv6 range only where the cluster has IPv6, and ServiceEntries' own addresses where they are seen.
func TestDivertedRanges(t *testing.T) {
	entry := func(name, address string, exportTo ...string) mesh.Service {
		return mesh.Service{
			Key: mesh.Key{Namespace: "other", Name: name}, Kind: mesh.ServiceEntry, Host: mesh.Host(name),
			Addresses: []netip.Prefix{netip.MustParsePrefix(address)}, ExportTo: exportTo,
			Ports: []mesh.Port{{Number: 80, Protocol: mesh.HTTP}},
		}
	}
	s := &mesh.Snapshot{
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
		Services: []mesh.Service{
			entry("seen", "192.0.2.0/24"),
			entry("covered", "10.96.9.9/32"),
			entry("private", "198.51.100.1/32", "demo"),
			entry("sixth", "2001:db8::1/128"),
		},
	}
	check := func(want string) {
		t.Helper()
		got := divertedRanges(newWorld(s, testConfig, time.Time{}), "demo")
		if diff := cmp.Diff(want, fmt.Sprint(got.cluster, got.entries)); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
	}
	check("[10.96.0.0/12 240.240.0.0/16] [192.0.2.0/24]")
	s.ServiceCIDRs = append(s.ServiceCIDRs, netip.MustParsePrefix("fd00:10:96::/112"))
	check("[10.96.0.0/12 240.240.0.0/16 2001:2::/48 fd00:10:96::/112] [192.0.2.0/24 2001:db8::1/128]")
}
