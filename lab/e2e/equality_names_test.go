package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Where sidecars answer DNS queries, names that only they know mean to lazy workloads what they mean in full scope: those of ServiceEntries
// with an address of their own, and with one that istiod allocates.
func TestEqualNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, plain("outside"), echo("srv", "v1"), service("srv", "srv", "http:8080"), headless("pods", "srv", "http:8080"),
		answeringDNS(client("client")), answeringDNS(client("control")))
	w.apply(fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: addressed}
spec:
  hosts: [addressed.names.example.com]
  addresses: [198.18.10.1]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}, {number: 9000, name: tcp, protocol: TCP}]
  endpoints: [{address: %s}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: allocated}
spec:
  hosts: [allocated.names.example.com]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints: [{address: %[1]s}]
`, w.podIP("outside")))
	w.annotate("deployment/control", "false")
	w.lazy("deployment/client")
	w.settled("addressed.names.example.com", "allocated.names.example.com")
	w.eventually("the client's sidecar to answer for what is in scope alone", func() error {
		if table := w.exec("deploy/client", "curl", "-sS", "-m", "5", "http://127.0.0.1:15020/debug/ndsz"); strings.Contains(table, w.fqdn("srv")) {
			return fmt.Errorf("it answers for srv: %s", table)
		}
		return nil
	})
	const get = `curl -sSi -m 10 http://`
	w.equalities([]equal{
		{name: "allocated.names.example.com", script: get + `allocated.names.example.com:8080`, want: `"outside"`, fromStart: true},
		{name: "addressed.names.example.com", want: "outside: ping", fromStart: true,
			script: get + `addressed.names.example.com:8080; { echo ping; sleep 0.5; } | nc -N -w 5 addressed.names.example.com 9000`},
		{name: "srv", script: get + `srv:8080`, want: `"srv"`},
		{name: "pods", script: get + `pods:8080`, want: `"srv"`, fromStart: true},
		{name: "nobody", script: get + `nobody.names.example.com:8080`, want: "Could not resolve", fromStart: true},
	})
}

// answeringDNS makes the sidecars of a workload answer DNS queries.
func answeringDNS(workload string) string {
	return strings.Replace(workload, "template:\n    metadata: {",
		"template:\n    metadata: {annotations: {proxy.istio.io/config: '{\"proxyMetadata\": {\"ISTIO_META_DNS_CAPTURE\": \"true\"}}'}, ", 1)
}
