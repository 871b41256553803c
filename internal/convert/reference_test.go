package convert

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

func TestEnvoyFilterReferences(t *testing.T) {
	var filter networkingv1alpha3.EnvoyFilter
	if err := yaml.Unmarshal([]byte(`
metadata: {name: ratelimit, namespace: istio-system}
spec:
  configPatches:
  - applyTo: HTTP_FILTER
    patch:
      operation: INSERT_BEFORE
      value:
        cluster_name: outbound|8081||ratelimit.default.svc.cluster.local
        again: outbound|8081||ratelimit.default.svc.cluster.local
        subset: outbound|80|v1|A.Example.com
        sni: outbound_.9000_._.audit.default.svc.cluster.local
        other: [inbound|80||, BlackHoleCluster, outbound traffic]
`), &filter); err != nil {
		t.Fatal(err)
	}
	by := "EnvoyFilter istio-system/ratelimit"
	want := []mesh.Reference{
		{Host: "a.example.com", By: by},
		{Host: "audit.default.svc.cluster.local", By: by},
		{Host: "ratelimit.default.svc.cluster.local", By: by},
	}
	got, err := EnvoyFilterReferences(&filter, "istio-system")
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
	got, err = EnvoyFilterReferences(&filter, "elsewhere")
	if err != nil || len(got) != 3 || got[0].Namespace != "istio-system" {
		t.Errorf("an EnvoyFilter outside of the root namespace is for its own: got %v, %v", got, err)
	}
}

func TestMeshConfigReferences(t *testing.T) {
	got, err := MeshConfigReferences(`
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
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("error %v, -want +got:\n%s", err, diff)
	}
	if _, err := MeshConfigReferences("extensionProviders: ["); err == nil {
		t.Error("no error for what is no YAML")
	}
	if got, err := MeshConfigReferences(""); err != nil || len(got) != 0 {
		t.Errorf("got %v, %v for nothing", got, err)
	}
}
