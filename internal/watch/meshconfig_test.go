package watch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	corev1 "k8s.io/api/core/v1"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

func stored(t *testing.T, objects ...client.Object) toolscache.Indexer {
	t.Helper()
	store := toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, nil)
	for _, object := range objects {
		trimmed, err := trim(object)
		if err == nil {
			err = store.Add(trimmed)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return store
}

func read[T any](t *testing.T, text string) *T {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict([]byte(text), object); err != nil {
		t.Fatal(err)
	}
	return object
}

const namesLimiter = `
spec:
  configPatches:
  - {applyTo: CLUSTER, patch: {operation: MERGE, value: {cluster_name: outbound|8081||limiter.ops.svc.cluster.local}}}
`

// TestReferences: what the mesh configuration and users' EnvoyFilters name is known, what our own name is not.
func TestReferences(t *testing.T) {
	w := &Watch{cfg: Config{RootNamespace: "istio-system"}}
	w.stores.meshConfigs = stored(t, read[corev1.ConfigMap](t, `
metadata: {name: istio, namespace: istio-system, uid: "1"}
data: {mesh: "extensionProviders: [{name: otel, opentelemetry: {service: ops/collector.ops.svc.cluster.local, port: 4317}}]"}
`))
	w.stores.envoyFilters = stored(t,
		read[networkingv1alpha3.EnvoyFilter](t, "metadata: {name: limit, namespace: demo, uid: \"2\"}"+namesLimiter),
		read[networkingv1alpha3.EnvoyFilter](t, "metadata: {name: ours, namespace: demo, uid: \"3\", labels: {app.kubernetes.io/managed-by: lazyxds}}"+namesLimiter),
	)
	want := []mesh.Reference{
		{Host: "collector.ops.svc.cluster.local", By: "extension provider otel"},
		{Namespace: "demo", Host: "limiter.ops.svc.cluster.local", By: "EnvoyFilter demo/limit"},
	}
	config, configErr := w.meshConfig()
	got, err := w.references(config)
	if diff := cmp.Diff(want, got); diff != "" || err != nil || configErr != nil {
		t.Errorf("errors %v and %v, -want +got:\n%s", configErr, err, diff)
	}
}

// TestServicesAsIstiodKnowsThem: the directory that lessons are resolved with, and the snapshot, leave out what istiod leaves out.
func TestServicesAsIstiodKnowsThem(t *testing.T) {
	w := &Watch{cfg: Config{RootNamespace: "istio-system", ClusterDomain: "cluster.local"}}
	w.stores.meshConfigs = stored(t, read[corev1.ConfigMap](t, `
metadata: {name: istio, namespace: istio-system, uid: "1"}
data: {mesh: "{defaultServiceExportTo: [.], discoverySelectors: [{matchLabels: {mesh: in}}]}"}
`))
	w.stores.namespaces = stored(t, read[corev1.Namespace](t, `metadata: {name: in, labels: {mesh: in}}`), read[corev1.Namespace](t, `metadata: {name: out}`))
	w.stores.services = stored(t,
		read[corev1.Service](t, `{metadata: {name: a, namespace: in, uid: "2"}, spec: {clusterIP: None}}`),
		read[corev1.Service](t, `{metadata: {name: a, namespace: out, uid: "3"}, spec: {clusterIP: None}}`))
	w.stores.serviceEntries = stored(t)
	want := []mesh.Service{{
		Key: mesh.Key{Namespace: "in", Name: "a"}, Host: "a.in.svc.cluster.local", Headless: true, ExportTo: []string{"."},
	}}
	if diff := cmp.Diff(want, w.Services()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
