package e2e

import (
	"testing"

	"github.com/lazyxds/lazyxds/lab/measure"
)

// A namespace with Istio's bookinfo becomes lazy while it is used: no request fails, and every sidecar keeps only what
// it calls. A workload that is opted out, and one with a Sidecar of the user's own, keep what they had.
func TestLazyUnderLoad(t *testing.T) {
	w := newWorld(t, docs(client("client"), client("idle"), client("optout"), client("owned"), `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: by-hand}
spec:
  workloadSelector: {labels: {app: owned}}
  egress: [{hosts: ["./*"]}]
`))
	w.bookinfo()
	w.annotate("deployment/optout", "false")
	workloads := []string{
		"deployment/productpage-v1", "deployment/details-v1", "deployment/ratings-v1",
		"deployment/reviews-v1", "deployment/reviews-v2", "deployment/reviews-v3", "deployment/client", "deployment/idle",
	}
	before := map[string]measure.Result{}
	for _, name := range append(workloads, "deployment/optout", "deployment/owned") {
		before[name] = w.measure(name)
	}

	load := w.send("deploy/client", "--url", "http://productpage:9080/productpage", "--rps", "10", "--duration", "0")
	w.lazy(workloads...)
	w.eventually("every caller of bookinfo to have learned its services", func() error {
		return w.learned(map[string][]string{
			"deployment/client":         {"productpage"},
			"deployment/productpage-v1": {"details", "reviews"},
			"deployment/reviews-v2":     {"ratings"},
			"deployment/reviews-v3":     {"ratings"},
		})
	})
	report := load.stop()

	w.noFailure("load while the namespace became lazy", report)
	for _, name := range workloads {
		after := w.measure(name)
		if want := len(w.sidecarHosts(name)); after.Services > want {
			t.Errorf("%s: %d services, its Sidecar names %d", name, after.Services, want)
		}
		if after.Bytes.Total >= before[name].Bytes.Total {
			t.Errorf("%s: %d bytes of xDS, %d before", name, after.Bytes.Total, before[name].Bytes.Total)
		}
	}
	if idle := w.measure("deployment/idle").Bytes; idle.Total-idle.Inbound > 10_000 {
		t.Errorf("a lazy sidecar with no dependency has %d bytes of xDS beyond its inbound listeners", idle.Total-idle.Inbound)
	}
	if got := w.measure("deployment/owned").Bytes; got != before["deployment/owned"].Bytes {
		t.Errorf("the workload with its own Sidecar has %+v, had %+v", got, before["deployment/owned"].Bytes)
	}
	if got := w.measure("deployment/optout").Bytes; got != before["deployment/optout"].Bytes {
		t.Errorf("the workload that opted out has %+v, had %+v", got, before["deployment/optout"].Bytes)
	}
}

// bookinfo applies Istio's sample unmodified.
func (w *world) bookinfo() {
	w.Helper()
	w.must(w.lab.ApplyFile(w.ctx, w.namespace, w.lab.Sample("bookinfo/platform/kube/bookinfo.yaml")))
	w.ready()
}
