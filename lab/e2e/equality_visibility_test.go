package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// What exportTo shows to a workload, and what it hides from it, is the same lazily. What holds in one namespace only is in scope
// from the start, since the egress lives in another one.
func TestEqualVisibility(t *testing.T) {
	t.Parallel()
	const us = "[equalvisibility]"
	far := newWorldIn(t, "equalvisibility-far", echo("srv", "v1"), plain("external"),
		exported("for-us", us), exported("for-others", "[elsewhere]"), exported("hidden", "[.]"),
		service("route-for-us", "srv", "http:8080"), marks("route-for-us", us),
		service("route-hidden", "srv", "http:8080"), marks("route-hidden", "[.]"),
		service("route-of-ours", "srv", "http:8080"),
		service("rule-for-us", "external", "http:8080:8443"), originatesTLS("rule-for-us", us),
		service("rule-hidden", "external", "http:8080:8443"), originatesTLS("rule-hidden", "[.]"),
		service("rule-of-ours", "external", "http:8080:8443"))
	w := newEqualWorld(t, echo("srv", "v1"), echo("pair", "v2"),
		exported("own", "[.]"),
		service("own-route", "srv", "http:8080"), marks("own-route", "[.]"),
		marks(far.fqdn("route-of-ours"), `["*"]`),
		originatesTLS(far.fqdn("rule-of-ours"), `["*"]`),
		strings.Replace(versions("own-subset", "pair"), "  host: own-subset\n", "  host: own-subset\n  exportTo: [.]\n", 1),
		routes("own-subset", `{route: [{destination: {host: own-subset, subset: v2}}]}`))
	address := far.podIP("external")
	far.apply(entry("for-us.example.com", "198.18.8.1", address, us), entry("hidden.example.com", address, address, "[.]"))
	w.apply(entry("own.example.com", "198.18.8.2", address, "[.]"))
	w.settled("for-us.example.com", "own.example.com", far.fqdn("rule-of-ours"))

	const get = `curl -sSi -m 10 `
	w.equalities([]equal{
		{name: "own", script: get + `http://own:8080`, want: `"srv"`, fromStart: true},
		{name: "for-us", in: far.namespace, script: get + `http://for-us.equalvisibility-far:8080`, want: `"srv"`, fromStart: true},
		{name: "for-others", in: far.namespace, script: get + `http://for-others.equalvisibility-far:8080`, want: "503 ", fromStart: true},
		{name: "hidden", in: far.namespace, script: get + `http://hidden.equalvisibility-far:8080`, want: "503 ", fromStart: true},

		{name: "own-route", script: get + `http://own-route:8080`, want: "x-route: own-route", fromStart: true},
		{name: "route-for-us", in: far.namespace, script: get + `http://route-for-us.equalvisibility-far:8080`, want: "x-route: route-for-us", fromStart: true},
		{name: "route-hidden", in: far.namespace, script: get + `http://route-hidden.equalvisibility-far:8080`, want: "200 OK"},
		{name: "route-of-ours", in: far.namespace, script: get + `http://route-of-ours.equalvisibility-far:8080`, want: "x-route: route-of-ours", fromStart: true},

		{name: "own-subset", script: get + `http://own-subset:8080`, want: `"v2"`, fromStart: true},
		{name: "rule-for-us", in: far.namespace, script: get + `http://rule-for-us.equalvisibility-far:8080`, want: `"external"`, fromStart: true},
		{name: "rule-hidden", in: far.namespace, script: get + `http://rule-hidden.equalvisibility-far:8080`, want: "503 "},
		{name: "rule-of-ours", in: far.namespace, script: get + `http://rule-of-ours.equalvisibility-far:8080`, want: `"external"`, fromStart: true},

		{name: "own.example.com", script: get + `-H 'Host: own.example.com' http://198.18.8.2:8080`, want: `"external"`, fromStart: true},
		{name: "for-us.example.com", script: get + `-H 'Host: for-us.example.com' http://198.18.8.1:8080`, want: `"external"`, fromStart: true},
		{name: "hidden.example.com", script: get + `-H 'Host: hidden.example.com' http://` + address + `:8080`, want: `"external"`, fromStart: true},
	})
	if out := w.attempt("client", get+`http://route-hidden.equalvisibility-far:8080`, ""); strings.Contains(out, "x-route") {
		t.Errorf("a VirtualService that another namespace keeps for itself holds here:\n%s", out)
	}
}

// exported is a Service of srv that some namespaces see.
func exported(name, exportTo string) string {
	return strings.Replace(service(name, "srv", "http:8080"), "metadata: {",
		fmt.Sprintf("metadata: {annotations: {networking.istio.io/exportTo: '%s'}, ", strings.Trim(exportTo, "[]")), 1)
}

// marks is a VirtualService that some namespaces see. Answers tell that it holds.
func marks(host, exportTo string) string {
	name, _, _ := strings.Cut(host, ".")
	vs := routes(host, fmt.Sprintf(`{headers: {response: {set: {x-route: %s}}}, route: [{destination: {host: %s}}]}`, name, host))
	return strings.Replace(vs, "spec:\n", "spec:\n  exportTo: "+exportTo+"\n", 1)
}

// originatesTLS is a DestinationRule that some namespaces see. It makes sidecars speak TLS to a server that takes nothing else.
func originatesTLS(host, exportTo string) string {
	return strings.Replace(trafficPolicy(host, "{tls: {mode: SIMPLE, insecureSkipVerify: true}}"), "spec: {", "spec: {exportTo: "+exportTo+", ", 1)
}

// entry is a ServiceEntry for an external HTTP server that some namespaces see.
func entry(host, address, endpoint, exportTo string) string {
	return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %s}
spec:
  exportTo: %[4]s
  hosts: [%[1]s]
  addresses: [%[2]s]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints: [{address: %[3]s}]
`, host, address, endpoint, exportTo)
}
