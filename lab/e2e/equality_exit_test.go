package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// External traffic that has to leave by an egress gateway does so, the first time as well as later: over HTTP, over mutual TLS with TLS
// originated by the gateway, and with the client's own TLS passed through. The server tells who reached it.
func TestEqualExit(t *testing.T) {
	t.Parallel()
	w := newEqualWorld(t, plain("outside"), gateway("exit"), service("exit", "exit", "http2:80:8080", "https:443:8443", "tls:8444"), `
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: exit}
spec:
  selector: {app: exit}
  servers:
  - {port: {number: 80, name: http, protocol: HTTP}, hosts: [http.exit.example.com, name.exit.example.com]}
  - {port: {number: 443, name: https, protocol: HTTPS}, tls: {mode: ISTIO_MUTUAL}, hosts: [origin.exit.example.com]}
  - {port: {number: 8444, name: tls, protocol: TLS}, tls: {mode: PASSTHROUGH}, hosts: [tls.exit.example.com]}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: exit}
spec:
  host: exit
  subsets:
  - name: plain
  - {name: origin, trafficPolicy: {tls: {mode: ISTIO_MUTUAL, sni: origin.exit.example.com}}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: origin}
spec:
  host: origin.exit.example.com
  trafficPolicy: {portLevelSettings: [{port: {number: 443}, tls: {mode: SIMPLE, sni: origin.exit.example.com, insecureSkipVerify: true}}]}
`)
	outside := w.podIP("outside")
	w.apply(external("http", "198.18.9.1", outside), external("name", "", outside), external("origin", "198.18.9.2", outside), external("tls", "198.18.9.3", outside),
		leaving("http", "http", "port: 80", "plain", 80, 80), leaving("name", "http", "port: 80", "plain", 80, 80),
		leaving("origin", "http", "port: 80", "origin", 443, 443), leaving("tls", "tls", "port: 443, sniHosts: [tls.exit.example.com]", "plain", 8444, 443))
	w.settled("http.exit.example.com", "origin.exit.example.com", "tls.exit.example.com", w.fqdn("exit"))
	by := "by " + w.podIP("exit")
	const get = `curl -sSik -m 10 `
	// A gateway tells the server whose connection it took the request from: the egress's, the first time.
	const telling = ` | sed '/"X-Forwarded-For"/,/]/d; /"X-Envoy-External-Address"/,/]/d; s/"remoteAddr": "\(.*\):.*/by \1/'`
	w.equalities([]equal{
		{name: "http.exit.example.com", script: get + `-H 'Host: http.exit.example.com' http://198.18.9.1` + telling, want: by},
		{name: "origin.exit.example.com", script: get + `-H 'Host: origin.exit.example.com' http://198.18.9.2` + telling, want: by},
		{name: "tls.exit.example.com", script: get + `--resolve tls.exit.example.com:443:198.18.9.3 https://tls.exit.example.com` + telling, want: by},
		{name: "name.exit.example.com", script: get + `-H 'Host: name.exit.example.com' http://198.51.100.9` + telling, want: by, fromStart: true},
	})
	if !w.connected("client", w.fqdn("exit")) {
		t.Error("the client's own sidecar has no connection to the gateway")
	}
}

// gateway is a Deployment of a gateway's proxy.
func gateway(name string) string {
	labels := fmt.Sprintf(`app: %s, sidecar.istio.io/inject: "true"`, name)
	out := workload("Deployment", name, labels, "auto", "")
	out = strings.Replace(out, "name: app", "name: istio-proxy", 1)
	return strings.Replace(out, "template:\n    metadata: {", "template:\n    metadata: {annotations: {inject.istio.io/templates: gateway}, ", 1)
}

// external is a ServiceEntry for HTTP and TLS of a server outside of the mesh, dialled by an address unless that is empty.
func external(name, address, server string) string {
	return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: %s}
spec:
  hosts: [%[1]s.exit.example.com]
  addresses: [%s]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}, {number: 443, name: tls, protocol: TLS, targetPort: 8443}]
  endpoints: [{address: %s}]
`, name, address, server)
}

// leaving sends what is for an external host, and matches, to a subset and a port of the gateway, and from there to a port of the host.
func leaving(name, protocol, match, subset string, through, to int) string {
	arrives := fmt.Sprintf("port: %d", through)
	if _, sni, ok := strings.Cut(match, ","); ok {
		arrives += "," + sni
	}
	return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s}
spec:
  hosts: [%[1]s.exit.example.com]
  gateways: [mesh, exit]
  %s:
  - match: [{gateways: [mesh], %s}]
    route: [{destination: {host: exit, subset: %s, port: {number: %d}}}]
  - match: [{gateways: [exit], %s}]
    route: [{destination: {host: %[1]s.exit.example.com, port: {number: %[7]d}}}]
`, name, protocol, match, subset, through, arrives, to)
}
