package e2e

import (
	"regexp"
	"strconv"
	"testing"
)

// Istio's bookinfo is observed while it is used: nothing is narrowed, and every caller's dependencies are recorded. Then it
// becomes lazy under load, and as all is known already, no request fails or takes the fallback. A workload that is no longer
// observed has nothing of ours left.
func TestObserve(t *testing.T) {
	t.Parallel()
	w := newWorld(t, client("client"), client("leaver"), client("control"), echo("srv", "v1"), service("srv", "srv", "http:8080", "tcp:9000"))
	w.bookinfo()
	callers := []string{"deployment/client", "deployment/productpage-v1", "deployment/reviews-v2", "deployment/reviews-v3"}
	w.annotate("deployment/control", "false")

	load := w.send("deploy/client", "--url", "http://productpage:9080/productpage", "--rps", "20", "--duration", "0")
	echoes := w.send("deploy/client", "--url", "http://srv:8080", "--rps", "20", "--duration", "0", "--keepalive=false")
	held := w.send("deploy/client", "--url", "tcp://srv:9000", "--rps", "5", "--duration", "0")
	w.enrol("observe")
	for _, name := range append(callers, "deployment/leaver") {
		w.becomes(name, "False", "Observing")
	}
	w.eventually("every caller's dependencies to be recorded", func() error {
		return w.learned(map[string][]string{
			"deployment/client":         {"productpage", "srv"},
			"deployment/productpage-v1": {"details", "reviews"},
			"deployment/reviews-v2":     {"ratings"},
			"deployment/reviews-v3":     {"ratings"},
		})
	})
	for _, name := range callers {
		w.fullScope(name)
	}

	w.annotate("deployment/leaver", "false")
	w.gone("deployment-leaver")
	w.lazy(callers...)
	for _, name := range callers {
		if now, want := w.measure(name).Services, len(w.sidecarHosts(name)); now > want {
			t.Errorf("%s: %d services, its Sidecar names %d", name, now, want)
		}
		if n := w.fallbackConnections(name); n > 0 {
			t.Errorf("%s opened %d connections to the fallback egress", name, n)
		}
	}
	w.noFailure("bookinfo", load.stop())
	w.noFailure("TCP", held.stop())
	report := echoes.stop()
	w.noFailure("fresh connections", report)
	if report.Fallback.Requests > 0 {
		t.Errorf("%d of %d requests took the fallback", report.Fallback.Requests, report.Requests)
	}
}

var connections = regexp.MustCompile(`(?m)^outbound\|8080\|\|istio-egressgateway-lazyxds\.istio-system\.svc\.cluster\.local::.*::cx_total::(\d+)$`)

// fallbackConnections is how many connections to the fallback egress a workload's sidecar has opened.
func (w *world) fallbackConnections(workload string) int {
	w.Helper()
	found := connections.FindAllStringSubmatch(w.envoy(workload, "/clusters"), -1)
	if len(found) == 0 {
		w.Fatalf("the sidecar of %s does not know the fallback egress", workload)
	}
	total := 0
	for _, match := range found {
		n, err := strconv.Atoi(match[1])
		w.must(err)
		total += n
	}
	return total
}
