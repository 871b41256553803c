package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// Istio may be installed with a revision: its Service, its mesh configuration and the label that gives namespaces sidecars are
// called after it. LazyXDS works with it once it is told, and says what is missing until it is.
func TestRevision(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	lab := newLab(t, cluster.Options{Name: "e2e3", IstioArgs: []string{
		"--set", "revision=canary,revisionTags={default}", "--set", "meshConfig.defaultServiceExportTo={.}",
	}})
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(lab.Install(ctx, os.Stderr, "--set", "istio.revision=canary"))
	refuses(t, lab.Kubeconfig(), 3, "no ConfigMap istio in namespace istio-system", "istio.revision")

	must(lab.Apply(ctx, `
apiVersion: v1
kind: Namespace
metadata: {name: x, labels: {istio.io/rev: canary}, annotations: {lazy-xds: "true"}}
---
apiVersion: v1
kind: Namespace
metadata: {name: far, labels: {istio.io/rev: canary}}
`))
	_, err := lab.Kubectl(ctx, docs(client("client"), service("own", "client", "http:8080")), "apply", "-n", "x", "-f", "-")
	must(err)
	_, err = lab.Kubectl(ctx, docs(echo("srv", "v1"), strings.Replace(service("srv", "srv", "http:8080"), "metadata: {",
		`metadata: {annotations: {networking.istio.io/exportTo: "*"}, `, 1)), "apply", "-n", "far", "-f", "-")
	must(err)
	must(lab.WaitDeployment(ctx, "far", "srv-v1", patience))
	_, err = lab.Kubectl(ctx, "", "wait", "-n", "x", "workloadscope/deployment-client", "--for=condition=Ready", "--timeout", patience.String())
	must(err)

	out, err := lab.Exec(ctx, cluster.Target{Namespace: "x", Name: "deploy/client"}, "curl", "-sSi", "-m", "10", "http://srv.far:8080")
	must(err)
	if !strings.Contains(out.Stdout, "200 OK") || !strings.Contains(out.Stdout, egressIdentity) {
		t.Errorf("the first request: %s%s", out.Stdout, out.Stderr)
	}
	// own is private by the mesh configuration of the revision, srv was learned.
	must(lab.Wait(ctx, "both to be in scope", patience, errorFree(func() error {
		hosts, err := lab.Kubectl(ctx, "", "get", "sidecars", "-n", "x", "-o", "jsonpath={.items[*].spec.egress[*].hosts}")
		if err == nil && !(strings.Contains(hosts, "x/own.x.svc") && strings.Contains(hosts, "far/srv.far.svc")) {
			err = fmt.Errorf("it has %s", hosts)
		}
		return err
	})))
}
