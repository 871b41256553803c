package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/lab/components"
)

// The controller refuses to start where it could not do its work, and says what is missing and how to mend it.
func TestRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: powerless}")
	refuses(t, w.kubeconfigFor("powerless"), 4, "not allowed to list", "ClusterRole")
	refuses(t, filepath.Join(t.TempDir(), "no-such-file"), 1, "find the API server")
}

// While an istiod runs that is too old for the fallback, as during an upgrade of Istio, every workload keeps the full scope, or gets it
// back, and says why; no request fails. The pod of the old istiod is one by its name alone.
func TestOldIstio(t *testing.T) {
	w := newWorld(t, echo("srv", "v1"), service("a", "srv", "http:8080"), service("b", "srv", "http:8080"), client("client"))
	w.lazy("deployment/client")
	w.firstRequest("a", "http://a:8080", "srv/v1")
	load := w.send("deploy/client", "--url", "http://b:8080", "--rps", "20", "--keepalive=false")

	const old = `
apiVersion: v1
kind: Pod
metadata: {name: istiod-old, namespace: istio-system, labels: {app: istiod, sidecar.istio.io/inject: "false"}}
spec: {terminationGracePeriodSeconds: 0, containers: [{name: discovery, image: "lazyxds/shell:1.28.3", command: [sleep, infinity]}]}
`
	w.must(w.lab.Apply(w.ctx, old))
	defer func() {
		_, err := w.lab.Kubectl(context.WithoutCancel(w.ctx), old, "delete", "--ignore-not-found", "-f", "-")
		w.must(err)
	}()
	w.becomes("deployment/client", "False", "IstioTooOld")
	s, err := w.scope("deployment/client")
	w.must(err)
	said := fmt.Sprint(s.Status.Conditions)
	for _, word := range []string{"1.28.3", "1.29 or newer"} {
		if !strings.Contains(said, word) {
			t.Errorf("the WorkloadScope does not say %q: %s", word, said)
		}
	}
	w.eventually("the Sidecar to be gone", func() error {
		if hosts := w.sidecarHosts("deployment/client"); len(hosts) > 0 {
			return fmt.Errorf("it has %v", hosts)
		}
		return nil
	})

	w.kubectl("delete", "pod", "istiod-old", "-n", "istio-system")
	w.becomes("deployment/client", "True", "Lazy")
	w.noFailure("load while istiod was too old", load.stop())
}

// refuses runs the controller outside the mesh, as the user of a kubeconfig, and fails the story unless it gives up with
// this exit code and says these words.
func refuses(t *testing.T, kubeconfig string, code int, words ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	checkout, err := components.OpenCheckout(mesh.Repo())
	if err != nil {
		t.Fatal(err)
	}
	program, err := checkout.LazyXDS(ctx, components.NewSteps(io.Discard))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(ctx, program, "controller", "--namespace", "istio-system", "--identity", "spiffe://mesh/controller", "--als-peer", "spiffe://mesh/egress",
		"--als-address", "127.0.0.1:0", "--metrics-address", "0", "--health-address", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "KUBECONFIG="+kubeconfig)
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() != code {
		t.Errorf("the controller ended with %v, want exit code %d:\n%s", err, code, out)
	}
	for _, word := range words {
		if !strings.Contains(string(out), word) {
			t.Errorf("the controller does not say %q:\n%s", word, out)
		}
	}
}

// kubeconfigFor writes a kubeconfig with the token of a service account of the story, and returns its path.
func (w *world) kubeconfigFor(account string) string {
	w.Helper()
	text, err := os.ReadFile(w.lab.Kubeconfig())
	w.must(err)
	path := filepath.Join(w.TempDir(), "kubeconfig")
	w.must(os.WriteFile(path, text, 0o600))
	_, err = w.lab.Kubectl(w.ctx, "", "--kubeconfig", path, "config", "set-credentials", "lab", "--token", w.kubectl("create", "token", account))
	w.must(err)
	_, err = w.lab.Kubectl(w.ctx, "", "--kubeconfig", path, "config", "set-context", "--current", "--user", "lab")
	w.must(err)
	return path
}
