package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// The fallback egress is gone. With the failure policy Hold, a lazy workload keeps what it knows, cannot reach the rest, and can again
// as soon as the egress is back.
func TestFallbackGoneHold(t *testing.T) {
	w := newWorld(t, echo("srv", "v1"), service("known", "srv", "http:8080"), service("unknown", "srv", "http:8080"), client("client"))
	w.lazy("deployment/client")
	w.firstRequest("known", "http://known:8080", "srv/v1")
	known := w.send("deploy/client", "--url", "http://known:8080", "--rps", "20", "--duration", "0", "--keepalive=false")

	w.scaleEgress("0")
	if r := w.request("deploy/client", "http://unknown:8080"); r.Failed != 1 {
		t.Errorf("an unknown service was reached without the egress: %+v", r.Peers)
	}
	w.becomes("deployment/client", "True", "Lazy")
	w.eventually("the controller to tell", func() error { return w.egressTold("FallbackUnavailable", 0) })

	w.scaleEgress("2")
	w.eventually("the unknown service to be reached, and learned", func() error {
		if r := w.request("deploy/client", "http://unknown:8080"); r.Failed > 0 {
			return fmt.Errorf("failed: %v", r.Errors)
		}
		return w.learned(map[string][]string{"deployment/client": {"unknown"}})
	})
	w.inScope("deployment/client", w.namespace+"/"+w.fqdn("unknown"))
	w.noFailure("load on a known service", known.stop())
}

// With the failure policy Passthrough, the workload gets the full scope instead, and becomes lazy again when the egress has been back
// for as long. Neither way costs a request to what can be reached, and nothing learned is forgotten.
func TestFallbackGonePassthrough(t *testing.T) {
	w := newWorld(t, echo("srv", "v1"), service("known", "srv", "http:8080"), service("unknown", "srv", "http:8080"), client("client"))
	w.lazy("deployment/client")
	w.firstRequest("known", "http://known:8080", "srv/v1")
	w.passThrough("5s")
	known := w.send("deploy/client", "--url", "http://known:8080", "--rps", "20", "--duration", "0", "--keepalive=false")

	w.scaleEgress("0")
	w.becomes("deployment/client", "False", "Passthrough")
	w.eventually("Sidecar and divert rule to be gone, and the WorkloadScope to stay", func() error {
		if got := w.ours(); !slices.Equal(got, []string{"workloadscope.lazyxds.io/deployment-client", "workloadscope.lazyxds.io/deployment-srv-v1"}) {
			return fmt.Errorf("there are %v", got)
		}
		return w.egressTold("Passthrough", 0)
	})
	if r := w.request("deploy/client", "http://unknown:8080"); r.Direct.Requests != 1 {
		t.Errorf("a service that was not in scope: %v, the server saw %v", r.Errors, r.Peers)
	}
	unknown := w.send("deploy/client", "--url", "http://unknown:8080", "--rps", "20", "--duration", "0", "--keepalive=false")

	w.scaleEgress("2")
	w.becomes("deployment/client", "True", "Lazy")
	w.inScope("deployment/client", w.namespace+"/"+w.fqdn("known"))
	w.inScope("deployment/client", w.namespace+"/"+w.fqdn("unknown"))
	w.noFailure("load on a known service", known.stop())
	report := unknown.stop()
	w.noFailure("load on an unknown service from full scope to lazy", report)
	if report.Fallback.Requests == 0 || report.Direct.Requests == 0 {
		t.Errorf("%d requests took the fallback, %d went directly", report.Fallback.Requests, report.Direct.Requests)
	}
}

// egressEvents picks the Events about the egress's Service.
var egressEvents = []string{"--field-selector", "involvedObject.kind=Service,involvedObject.name=istio-egressgateway-lazyxds"}

// scaleEgress changes the number of egress replicas and waits until that many run. They are two again when the story is over. What
// Events told before is forgotten.
func (w *world) scaleEgress(replicas string) {
	w.Helper()
	const egress = "deployment/istio-egressgateway-lazyxds"
	w.kubectl(append([]string{"delete", "events", "-n", "istio-system"}, egressEvents...)...)
	w.undoAtEnd("rollout", "status", egress, "--timeout", patience.String())
	w.undoAtEnd("scale", egress, "--replicas", "2")
	w.kubectl("scale", "-n", "istio-system", egress, "--replicas", replicas)
	if replicas == "0" {
		w.kubectl("wait", "-n", "istio-system", "pod", "-l", "app=istio-egressgateway-lazyxds", "--for=delete", "--timeout", patience.String())
		return
	}
	w.kubectl("rollout", "status", "-n", "istio-system", egress, "--timeout", patience.String())
}

// egressTold returns an error unless the controller tells how many egress endpoints there are, and an Event on the egress's Service
// gives that reason.
func (w *world) egressTold(reason string, endpoints float64) error {
	if got, err := w.metric("lazyxds_egress_endpoints"); err != nil || got != endpoints {
		return fmt.Errorf("%v endpoints: %w", got, err)
	}
	reasons := w.kubectl(append([]string{"get", "events", "-n", "istio-system", "-o", "jsonpath={.items[*].reason}"}, egressEvents...)...)
	if !slices.Contains(strings.Fields(reasons), reason) {
		return fmt.Errorf("no Event %s, but %q", reason, reasons)
	}
	return nil
}

// passThrough has the controller follow the failure policy Passthrough, with this time, for as long as the story lasts.
func (w *world) passThrough(after string) {
	w.Helper()
	deployment := w.kubectl("get", "-n", "istio-system", "deployment/lazyxds", "-o", "json")
	changed := strings.NewReplacer("--fallback-failure-policy=Hold", "--fallback-failure-policy=Passthrough",
		"--passthrough-after=60s", "--passthrough-after="+after).Replace(deployment)
	if changed == deployment {
		w.Fatal("the controller has no flag of its failure policy")
	}
	w.undoAtEnd("rollout", "status", "deployment/lazyxds", "--timeout", patience.String())
	w.undoAtEnd("rollout", "undo", "deployment/lazyxds")
	_, err := w.lab.Kubectl(w.ctx, changed, "replace", "-f", "-")
	w.must(err)
	w.kubectl("rollout", "status", "-n", "istio-system", "deployment/lazyxds", "--timeout", patience.String())
	w.planned()
}
