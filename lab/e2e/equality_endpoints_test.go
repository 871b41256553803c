package e2e

import (
	"fmt"
	"testing"

	"github.com/lazyxds/lazyxds/lab/app/load"
)

// Each proxy that sees an endpoint fail ejects it and sends it nothing more: the caller's own sidecar, in full scope as well as lazily,
// and each replica of the fallback egress. The limits of a connection pool hold on either path.
func TestEqualEndpoints(t *testing.T) {
	t.Parallel()
	// The endpoint that fails is a pod in which nothing serves: its own sidecar answers 503.
	w := newEqualWorld(t, echo("srv", "v1"), workload("Deployment", "broken", "app: srv, version: broken", "lazyxds/shell", `command: [sleep, infinity]`),
		ejecting("learned"), ejecting("excluded"), echo("slow", "v1"), service("narrow", "slow", "http:8080"),
		trafficPolicy("narrow", `{connectionPool: {tcp: {maxConnections: 1}, http: {http1MaxPendingRequests: 1}}}`))
	w.kubectl("annotate", "deployment/client", "lazyxds.io/exclude="+w.namespace+"/"+w.fqdn("excluded"))

	own := func(r load.Report) bool { return r.Direct.Requests == r.Requests }
	egress := func(r load.Report) bool { return r.Fallback.Requests == r.Requests }
	for _, tt := range []struct {
		name, from, service string
		path                func(load.Report) bool // that requests take in the end
		proxies             int                    // that may have had to see the endpoint fail until then
	}{
		{"in full scope", "control", "learned", own, 1},
		{"learning", "client", "learned", own, 3},
		{"through the fallback", "client", "excluded", egress, 2},
	} {
		t.Run("ejection "+tt.name, func(t *testing.T) {
			w := w.sub(t)
			failed := 0
			send := func() load.Report {
				r := w.request("deploy/"+tt.from, "http://"+tt.service+":8080", "--requests", "30", "--rps", "0", "--concurrency", "1", "--keepalive=false")
				failed += r.Failed
				return r
			}
			w.eventually("all requests to be answered, the way they are to go", func() error {
				if r := send(); r.Failed > 0 || !tt.path(r) {
					return fmt.Errorf("%d of %d failed, %d took the fallback", r.Failed, r.Requests, r.Fallback.Requests)
				}
				return nil
			})
			if send(); failed == 0 || failed > tt.proxies {
				t.Errorf("%d requests failed, want at least one, and at most one for each of %d proxies", failed, tt.proxies)
			}
		})
	}
	w.equalities([]equal{{name: "narrow", want: "200\n503", script: `for i in $(seq 12); do
		curl -s -m 20 -o /dev/null -w '%{http_code}\n' 'http://narrow:8080/?delay=500ms' & done | sort -u`}})
}

// ejecting is a Service of srv whose endpoints are ejected at their first failure. Nothing is tried twice.
func ejecting(name string) string {
	return docs(service(name, "srv", "http:8080"), routes(name, `{route: [{destination: {host: `+name+`}}], retries: {attempts: 0}}`),
		trafficPolicy(name, `{outlierDetection: {consecutive5xxErrors: 1, baseEjectionTime: 15m, maxEjectionPercent: 100}}`))
}
