package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/components"
)

// Istio's own analyzers have nothing to say about what LazyXDS writes and installs: beside a lazy workload, beside an observed
// one, and where the fallback is refused. What a user got wrong they do find.
func TestAnalyzers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("srv", "srv", "http:8080"), client("client"), client("watched"), client("theirs"),
		policy("srv", "DENY", "namespaces: [nobody]"), strings.Replace(workloadSidecar, "app: client", "app: theirs", 1), `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: astray}
spec: {hosts: [srv], http: [{route: [{destination: {host: no-such-service}}]}]}
`)
	w.annotate("deployment/watched", "observe")
	w.lazy("deployment/client")
	w.becomes("deployment/watched", "False", "Observing")
	w.becomes("deployment/theirs", "False", "ForeignSidecar")
	ours := w.kubectl("get", "sidecar,envoyfilter,authorizationpolicy,workloadscope", "-l", "app.kubernetes.io/managed-by=lazyxds", "-o", "name")
	for _, kind := range []string{"sidecar.", "envoyfilter.", "authorizationpolicy.", "workloadscope."} {
		if !strings.Contains(ours, kind) {
			t.Fatalf("nothing of ours is a %s:\n%s", kind, ours)
		}
	}

	found := false
	for _, finding := range w.analyze() {
		text := finding.Origin + ": " + finding.Message
		found = found || strings.Contains(text, w.namespace+"/astray") && strings.Contains(text, "no-such-service")
		if strings.Contains(text, "lazyxds") {
			t.Errorf("%s %s: %s", finding.Code, finding.Level, text)
		}
	}
	if !found {
		t.Error("the analyzers did not find the VirtualService that leads nowhere")
	}
}

// finding is something that istioctl analyze has to say.
type finding struct {
	Code, Level string
	Origin      string // "VirtualService demo/astray"
	Message     string
}

// analyze runs Istio's analyzers on the whole mesh, and returns what they say of the story's namespace and Istio's.
func (w *world) analyze() []finding {
	w.Helper()
	istioctl, err := components.Istioctl(w.ctx, w.lab.Repo(), os.Stderr)
	w.must(err)
	cmd := exec.CommandContext(w.ctx, istioctl, "analyze", "--all-namespaces", "--output", "json",
		"--kubeconfig", w.lab.Kubeconfig(), "--istioNamespace", "istio-system")
	out, err := cmd.Output()
	if exit, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		w.Fatal(err)
	} else if ok {
		err = fmt.Errorf("%w: %s", err, exit.Stderr) // it fails where it finds errors, too
	}
	var all, here []finding
	if broken := json.Unmarshal(out, &all); broken != nil {
		w.Fatalf("istioctl analyze: %v (%v)\n%s", err, broken, out)
	}
	for _, f := range all {
		if strings.Contains(f.Origin, " "+w.namespace+"/") || strings.Contains(f.Origin, " istio-system/") {
			here = append(here, f)
		}
	}
	return here
}
