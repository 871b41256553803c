package e2e

import (
	"strconv"
	"testing"
)

// The fallback egress and the controller are rolled while a lazy workload keeps calling services it does not know: no
// request fails.
func TestRolling(t *testing.T) {
	w := newWorld(t, echo("srv", "v1"), client("client"), `
apiVersion: lazyxds.io/v1alpha1
kind: WorkloadScope
metadata: {name: deployment-client}
spec:
  workload: {kind: Deployment, name: client}
  exclude: ["NS/*"]
`, service("kept", "srv", "http:8080"), service("fresh", "srv", "http:8080"))
	w.lazy("deployment/client")
	kept := w.send("deploy/client", "--url", "http://kept:8080", "--rps", "50", "--duration", "0")
	fresh := w.send("deploy/client", "--url", "http://fresh:8080", "--rps", "20", "--duration", "0", "--keepalive=false")

	for _, deployment := range []string{"istio-egressgateway-lazyxds", "lazyxds"} {
		w.kubectl("rollout", "restart", "-n", "istio-system", "deployment/"+deployment)
		w.kubectl("rollout", "status", "-n", "istio-system", "deployment/"+deployment, "--timeout", patience.String())
	}
	w.planned()

	for name, load := range map[string]*traffic{"kept": kept, "fresh": fresh} {
		report := load.stop()
		w.noFailure("load on "+name+" connections", report)
		if report.Fallback.Requests != report.Requests {
			t.Errorf("%s: %d of %d requests took the fallback, though the services are excluded", name, report.Fallback.Requests, report.Requests)
		}
	}
}

// What operators watch is there: health, readiness, and the figures of what was learned.
func TestObservability(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("srv", "srv", "http:8080"), client("client"))
	w.lazy("deployment/client")
	before, err := w.metric("lazyxds_edges_learned_total")
	w.must(err)
	w.firstRequest("srv", "http://srv:8080", "srv/v1")

	for _, sample := range []string{
		`lazyxds_als_entries_total{protocol="http",result="accepted"}`,
		`lazyxds_sidecar_applies_total{result="ok"}`,
		`lazyxds_learn_duration_seconds_count`,
		`lazyxds_edges{namespace=` + strconv.Quote(w.namespace) + `}`,
	} {
		if value, err := w.metric(sample); err != nil || value == 0 {
			t.Errorf("%s = %v, %v", sample, value, err)
		}
	}
	if after, err := w.metric("lazyxds_edges_learned_total"); err != nil || after <= before {
		t.Errorf("lazyxds_edges_learned_total went from %v to %v, %v", before, after, err)
	}
	if _, err := w.metric(`lazyxds_edges_expired_total{reason="gone"}`); err != nil {
		t.Error(err)
	}
	for _, path := range []string{"healthz", "readyz"} {
		if out := w.inController("curl", "-sS", "-m", "5", "-o", "/dev/null", "-w", "%{http_code}", "http://127.0.0.1:8081/"+path); out != "200" {
			t.Errorf("/%s answers %s", path, out)
		}
	}
}
