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
