package convert_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

func TestScope(t *testing.T) {
	scope := load[v1alpha1.WorkloadScope](t, `
metadata: {name: deployment-web, namespace: demo, generation: 3}
spec: {workload: {kind: Deployment, name: web}, mode: Full, include: [ops/*], exclude: ["*/x.example.com"]}
status:
  dependencies:
  - {host: reviews.demo.svc.cluster.local, source: Observed, firstSeen: "2026-01-02T03:04:05Z"}
  - {host: kubernetes.default.svc.cluster.local, source: System}
  conditions: [{type: Ready, status: "False", reason: WorkloadGone, lastTransitionTime: "2026-01-03T00:00:00Z"}]
`)
	want := mesh.Scope{
		Key:      mesh.Key{Namespace: "demo", Name: "deployment-web"},
		Workload: mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"}, Generation: 3, Mode: "false",
		Include: []string{"ops/*"}, Exclude: []string{"*/x.example.com"},
		Dependencies: []mesh.Dependency{{
			Host: "reviews.demo.svc.cluster.local", FirstSeen: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		}},
		Gone: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC),
	}
	if diff := cmp.Diff(want, convert.Scope(scope)); diff != "" {
		t.Errorf("unexpected scope (-want +got):\n%s", diff)
	}
}

func TestSidecarKeepsSpecOnlyWhereNeeded(t *testing.T) {
	tests := map[string]struct {
		yaml string
		keep bool
	}{
		"ours":           {`metadata: {namespace: demo, labels: {app.kubernetes.io/managed-by: lazyxds}}`, true},
		"mesh default":   {`metadata: {namespace: istio-system}`, true},
		"namespace's":    {`metadata: {namespace: demo}`, false},
		"root, selected": {`{metadata: {namespace: istio-system}, spec: {workloadSelector: {labels: {a: b}}}}`, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := convert.Sidecar(load[networkingv1.Sidecar](t, tt.yaml), "istio-system")
			if err != nil || (got.Spec != nil) != tt.keep {
				t.Errorf("spec kept: %v, want %v (err %v)", got.Spec != nil, tt.keep, err)
			}
		})
	}
}

func TestNamespace(t *testing.T) {
	tests := map[string]bool{
		`metadata: {labels: {istio-injection: enabled}}`:                                  true,
		`metadata: {labels: {istio.io/rev: canary}}`:                                      true,
		`metadata: {labels: {istio.io/rev: canary, istio-injection: disabled}}`:           false,
		`metadata: {annotations: {lazy-xds: "true"}, labels: {istio-injection: "other"}}`: false,
	}
	for yaml, want := range tests {
		if got := convert.Namespace(load[corev1.Namespace](t, yaml), convert.MeshConfig{}); got.Inject != want {
			t.Errorf("%s: inject = %v, want %v", yaml, got.Inject, want)
		}
	}
}
