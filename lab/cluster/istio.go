package cluster

import (
	"context"
	_ "embed"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/lab/components"
)

//go:embed manifests/coredns.yaml
var corednsManifest string

//go:embed manifests/istiod-values.yaml
var istiodValues []byte

// installIstio installs Istio by its own charts, extra being further arguments for istiod's.
func (l *Lab) installIstio(ctx context.Context, paths components.Paths, extra []string) error {
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: SystemNamespace}}
	if _, err := l.client.CoreV1().Namespaces().Create(ctx, ns, metav1.CreateOptions{}); err != nil && !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("create namespace %s: %w", SystemNamespace, err)
	}
	if _, err := l.helm(ctx, "install", "istio-base", paths.Chart("base")); err != nil {
		return err
	}
	values := filepath.Join(l.dir(), "istiod-values.yaml")
	if err := os.WriteFile(values, istiodValues, 0o644); err != nil {
		return fmt.Errorf("write istiod's values: %w", err)
	}
	args := []string{
		"install", "istiod", paths.Chart("istio-control/istio-discovery"), "--values", values,
		"--set", "global.hub=docker.io/istio,global.tag=" + paths.Line.IstioVersion,
	}
	_, err := l.helm(ctx, slices.Concat(args, extra)...)
	return err
}

// installGatewayAPI installs the CRDs of the Gateway API and returns when they are served. They are too long for the annotation in
// which a client would keep what it applied.
func (l *Lab) installGatewayAPI(ctx context.Context, paths components.Paths) error {
	if _, err := l.Kubectl(ctx, "", "apply", "--server-side", "--filename", paths.GatewayCRDs()); err != nil {
		return err
	}
	return l.Wait(ctx, "the Gateway API", startTimeout, func(context.Context) (bool, string) {
		served, err := l.client.Discovery().ServerResourcesForGroupVersion("gateway.networking.k8s.io/v1")
		if err != nil {
			return false, err.Error()
		}
		routes := slices.DeleteFunc(served.APIResources, func(r metav1.APIResource) bool { return r.Name != "httproutes" && r.Name != "grpcroutes" })
		return len(routes) == 2, fmt.Sprintf("%d of 2 kinds of routes", len(routes))
	})
}

// injected tells whether istiod's webhook puts a sidecar into a new pod, without making one.
func (l *Lab) injected(ctx context.Context) (bool, error) {
	probe := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "injection-probe", Labels: map[string]string{"sidecar.istio.io/inject": "true"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "probe", Image: "lazyxds/shell"}}},
	}
	got, err := l.client.CoreV1().Pods(metav1.NamespaceDefault).Create(ctx, probe, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	if err != nil {
		return false, fmt.Errorf("ask the injector: %w", err)
	}
	all := slices.Concat(got.Spec.InitContainers, got.Spec.Containers)
	return slices.ContainsFunc(all, func(c corev1.Container) bool { return c.Name == "istio-proxy" }), nil
}
