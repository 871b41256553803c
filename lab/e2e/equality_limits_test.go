package e2e

import (
	"strings"
	"testing"
)

// Where a lazy workload sees something else than in full scope, as docs/limits.md tells.
func TestKnownDifferences(t *testing.T) {
	t.Parallel()
	// No other story has port 8093: what is in scope from the start would bring a listener.
	external := strings.Replace(plain("external"), "--http=8080", "--http=8093", 1)
	w := newEqualWorld(t, external, echo("srv", "v1"), service("first", "srv", "http:8093:8080"), service("dotless", "srv", "http:8090:8080"),
		service("vhost", "srv", "http:8091:8080"),
		strings.Replace(service("kept", "srv", "http:8092:8080"), "metadata: {", "metadata: {annotations: {networking.istio.io/exportTo: istio-system}, ", 1))
	// differs runs a script in both workloads and checks that only one of the outputs contains a text.
	differs := func(t *testing.T, script, text string, full, lazily bool) {
		for from, want := range map[string]bool{"control": full, "client": lazily} {
			if out := w.sub(t).attempt(from, script, ""); strings.Contains(out, text) != want {
				t.Errorf("%s: has %q: %v, want %v:\n%s", from, text, !want, want, out)
			}
		}
	}
	t.Run("no proxy looks into HTTP to an address that no service owns", func(t *testing.T) {
		address := "http://" + w.podIP("external") + ":8093"
		differs(t, "curl -sSi -m 10 "+address, "server: envoy", true, false)
		w.sub(t).firstRequest("first", "http://first:8093", "srv/v1")
		differs(t, "curl -sSi -m 10 "+address, "server: envoy", true, true)
	})
	t.Run("a Host without a dot that no service has", func(t *testing.T) {
		differs(t, "curl -sSi -m 10 -H 'Host: nobody' http://dotless:8090", "200 OK", false, true)
	})
	t.Run("a service that the egress sees and the workload does not", func(t *testing.T) {
		differs(t, "curl -sSi -m 10 http://kept:8092", "200 OK", false, true)
	})
	t.Run("the header that the egress routes by", func(t *testing.T) {
		differs(t, "curl -sSi -m 10 -H 'X-Lazyxds-Vhost: dotless:8090' http://vhost:8091", "X-Lazyxds-Vhost", true, false)
	})
}
