package convert

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

func readMeshConfig(t *testing.T, text string) MeshConfig {
	t.Helper()
	config, err := ReadMeshConfig(text)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func TestMeshConfigReferences(t *testing.T) {
	config := readMeshConfig(t, `
trustDomain: cluster.local
extensionProviders:
- {name: otel, opentelemetry: {service: collector.tracing.svc.cluster.local, port: 4317}}
- {name: authz, envoyExtAuthzGrpc: {service: security/authz.security.svc.cluster.local, port: "9000"}}
- {name: log, envoyFileAccessLog: {path: /dev/stdout}}
- {name: prometheus, prometheus: {}}
- {name: 7}
`)
	want := []mesh.Reference{
		{Host: "authz.security.svc.cluster.local", By: "extension provider authz"},
		{Host: "collector.tracing.svc.cluster.local", By: "extension provider otel"},
	}
	if diff := cmp.Diff(want, config.References); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := readMeshConfig(t, "").References; len(got) != 0 {
		t.Errorf("got %v for nothing", got)
	}
}

func TestUnreadableMeshConfig(t *testing.T) {
	for text, want := range map[string]string{
		"extensionProviders: [": "read mesh configuration",
		"discoverySelectors: [{matchExpressions: [{key: a, operator: Near}]}]": "read discoverySelectors",
	} {
		if _, err := ReadMeshConfig(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error = %v, want %q", text, err, want)
		}
	}
}

func TestDefaultExportTo(t *testing.T) {
	for text, want := range map[string][]string{
		"":                                   nil,
		`defaultServiceExportTo: ["*"]`:      {"*"},
		"defaultServiceExportTo: [.]":        {"."},
		`defaultServiceExportTo: ["*", .]`:   {"."},
		"defaultServiceExportTo: [demo]":     {"~"},
		"defaultVirtualServiceExportTo: [.]": nil,
	} {
		services := []mesh.Service{{Host: "silent"}, {Host: "says", ExportTo: []string{"demo"}}}
		got := readMeshConfig(t, text).Services(services, nil)
		if diff := cmp.Diff([][]string{want, {"demo"}}, [][]string{got[0].ExportTo, got[1].ExportTo}); diff != "" {
			t.Errorf("%s: -want +got:\n%s", text, diff)
		}
	}
}

// TestDiscoverySelectors: a namespace is known if any selector picks it, and nothing of the others is.
func TestDiscoverySelectors(t *testing.T) {
	config := readMeshConfig(t, `
discoverySelectors:
- matchLabels: {env: prod}
- matchExpressions: [{key: team, operator: In, values: [a, b]}]
`)
	namespaces := map[string]map[string]string{
		"prod": {"env": "prod"}, "team-a": {"team": "a"}, "dev": {"env": "dev"}, "bare": nil,
	}
	var s mesh.Snapshot
	for name, labels := range namespaces {
		s.Namespaces = append(s.Namespaces, Namespace(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, config))
	}
	s.Namespaces = append(s.Namespaces, mesh.Namespace{Name: "unlabelled", Undiscovered: true})
	for _, namespace := range []string{"prod", "team-a", "dev", "bare", "unlabelled", "nowhere"} {
		key := mesh.Key{Namespace: namespace}
		s.Services = append(s.Services, mesh.Service{Key: key})
		s.VirtualServices = append(s.VirtualServices, mesh.VirtualService{Key: key})
		s.DestinationRules = append(s.DestinationRules, mesh.DestinationRule{Key: key})
		s.Policies = append(s.Policies, mesh.Policy{Key: key})
	}
	s.Policies = append(s.Policies, mesh.Policy{Key: mesh.Key{Namespace: "dev", Name: "ours"}, Ours: true})
	config.Restrict(&s)
	var got []string
	for _, o := range s.Services {
		got = append(got, "service "+o.Namespace)
	}
	for _, o := range s.VirtualServices {
		got = append(got, "route "+o.Namespace)
	}
	for _, o := range s.DestinationRules {
		got = append(got, "rule "+o.Namespace)
	}
	for _, o := range s.Policies {
		got = append(got, "policy "+o.Namespace)
	}
	want := []string{
		"service prod", "service team-a", "route prod", "route team-a", "rule prod", "rule team-a",
		"policy prod", "policy team-a", "policy dev",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
