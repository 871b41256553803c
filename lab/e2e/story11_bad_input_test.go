package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Mistakes get a clear message on the object they are in, and stop nothing else.
func TestBadInput(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("srv", "srv", "http:8080"), client("client"), client("mistaken"))
	w.annotate("deployment/mistaken", "yes")
	w.lazy("deployment/client")

	w.eventually("an event about the unknown value", func() error {
		out := w.kubectl("get", "events", "--field-selector", "involvedObject.name=mistaken", "-o", "jsonpath={range .items[*]}{.type} {.reason} {.message}{\"\\n\"}{end}")
		if !strings.Contains(out, "Warning") || !strings.Contains(out, `"yes"`) {
			return fmt.Errorf("events: %s", out)
		}
		return nil
	})
	if hosts := w.sidecarHosts("deployment/mistaken"); len(hosts) > 0 {
		t.Errorf("the workload with the unknown value was narrowed to %v", hosts)
	}

	const scope = `
apiVersion: lazyxds.io/v1alpha1
kind: WorkloadScope
metadata: {name: deployment-client}
spec:
  workload: {kind: %s, name: %s}
  include: [%s]
`
	for name, c := range map[string]struct{ text, want string }{
		"an include that is no pattern": {fmt.Sprintf(scope, "Deployment", "client", `"reviews"`), "include"},
		"a kind that can be none":       {fmt.Sprintf(scope, "deploy/ment", "client", ""), "spec.workload.kind"},
		"another workload":              {fmt.Sprintf(scope, "Deployment", "other", ""), "cannot be moved"},
		"an idleTTL that is too short":  {fmt.Sprintf(scope, "Deployment", "client", "") + "  idleTTL: 59s", "spec.idleTTL"},
		"an idleTTL that is no time":    {fmt.Sprintf(scope, "Deployment", "client", "") + "  idleTTL: soon", "spec.idleTTL"},
	} {
		_, err := w.lab.Kubectl(w.ctx, c.text, "apply", "--server-side", "--force-conflicts", "-n", w.namespace, "-f", "-")
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want a refusal that names %q", name, err, c.want)
		}
	}

	w.apply(strings.ReplaceAll(fmt.Sprintf(scope, "Deployment", "nobody", `"*/*"`), "deployment-client", "of-nobody"))
	w.eventually("the scope of nobody to say so", func() error {
		out := w.kubectl("get", "workloadscope", "of-nobody", "-o", `jsonpath={.status.conditions[?(@.type=="Ready")].status} {.status.conditions[?(@.type=="Ready")].message}`)
		if !strings.HasPrefix(out, "False ") {
			return fmt.Errorf("Ready: %q", out)
		}
		return nil
	})
	w.kubectl("patch", "workloadscope", "deployment-client", "--subresource=status", "--type=merge", "-p",
		`{"status":{"selector":{"app":"somebody-else"},"dependencies":[{"host":"no.such.host","source":"Observed"}],"services":-7}}`)
	w.eventually("nonsense in the status to be put right", func() error {
		out := w.kubectl("get", "workloadscope", "deployment-client", "-o", "jsonpath={.status.selector.app} {.status.services}")
		if !strings.HasPrefix(out, "client ") || strings.Contains(out, "-7") {
			return fmt.Errorf("status: %s", out)
		}
		return nil
	})
	w.firstRequest("srv", "http://srv:8080", "srv/v1")
}
