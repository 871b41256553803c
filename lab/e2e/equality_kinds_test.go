package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Services of every kind answer, or fail, as they do in full scope, with STRICT mTLS everywhere.
func TestEqualKinds(t *testing.T) {
	t.Parallel()
	far := newWorldIn(t, "equalkinds-far", echo("srv", "v1"), headless("far-headless", "srv", "http:8080", "tcp:9000"),
		service("alone", "srv", "http:8080"), service("exit", "srv", "http:8080"))
	w := newEqualWorld(t, echo("srv", "v1"), headless("headless", "srv", "http:8080", "tcp:9000"),
		workload("StatefulSet", "db", "app: db", "lazyxds/echo", "args: [--name=db, --version=v1, --http=8080, --tcp=9000]"),
		headless("db", "db", "http:8080", "tcp:9000"),
		plain("plain"), plain("external"),
		service("aliased", "srv", "http:8080"), `
apiVersion: v1
kind: Service
metadata: {name: alias}
spec: {type: ExternalName, externalName: aliased.NS.svc.cluster.local, ports: [{name: http, port: 8080}]}
`,
		service("nobody", "nobody", "http:8080", "tcp:9000"),
		service("nobody-web", "nobody", "web:8085"),
		service("sleeping", "srv", "http:8099"))
	plainIP, externalIP := w.podIP("plain"), w.podIP("external")
	w.apply(fmt.Sprintf(`
apiVersion: v1
kind: Service
metadata: {name: by-hand}
spec: {ports: [{name: http, port: 8080}, {name: tcp, port: 9000}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: by-hand-1, labels: {kubernetes.io/service-name: by-hand}}
addressType: IPv4
ports: [{name: http, port: 8080}, {name: tcp, port: 9000}]
endpoints: [{addresses: [%s], conditions: {ready: true}}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: addressed}
spec:
  hosts: [addressed.example.com]
  addresses: [198.18.7.1]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}, {number: 9000, name: tcp, protocol: TCP}]
  endpoints: [{address: %[2]s}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: nowhere}
spec:
  hosts: [nowhere.example.com]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints: [{address: %[2]s}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: inside}
spec:
  hosts: [inside.example.com]
  addresses: [198.18.7.2]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: srv}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: entries}
spec:
  hosts: [entries.example.com]
  addresses: [198.18.7.3]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  workloadSelector: {labels: {entry: of-hand}}
---
apiVersion: networking.istio.io/v1
kind: WorkloadEntry
metadata: {name: entry}
spec: {address: %[2]s, labels: {entry: of-hand}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: secure}
spec:
  hosts: [secure.example.com]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8443, name: tls, protocol: TLS}]
  endpoints: [{address: %[2]s}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: dns}
spec:
  hosts: [dns.example.com]
  location: MESH_EXTERNAL
  resolution: DNS
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints: [{address: by-hand.NS.svc.cluster.local}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: wild}
spec:
  hosts: ["*.wild.example.com"]
  location: MESH_EXTERNAL
  resolution: NONE
  ports: [{number: 8080, name: http, protocol: HTTP}]
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: leaving}
spec:
  hosts: [leaving.example.com]
  location: MESH_EXTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  endpoints: [{address: %[2]s}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: leaving}
spec:
  hosts: [leaving.example.com]
  http: [{route: [{destination: {host: exit.equalkinds-far.svc.cluster.local, port: {number: 8080}}}]}]
`, plainIP, externalIP))
	w.settled("inside.example.com", "secure.example.com", "entries.example.com", "dns.example.com", "leaving.example.com",
		"by-hand."+w.namespace)
	// The TCP clients do not end with their first bytes: docs/limits.md says what the fallback makes of those that do.
	const get = `curl -sSi -m 10 `
	w.equalities([]equal{
		{name: "headless", script: get + `http://headless:8080; { echo ping; sleep 0.5; } | nc -N -w 5 headless 9000`, want: "srv: ping", fromStart: true},
		{name: "far-headless", in: far.namespace, script: get + `http://far-headless.equalkinds-far:8080; { echo ping; sleep 0.5; } | nc -N -w 5 far-headless.equalkinds-far 9000`,
			want: "srv: ping", fromStart: true},
		{name: "db", script: get + `http://db-0.db:8080; { echo ping; sleep 0.5; } | nc -N -w 5 db-0.db 9000`, want: "db: ping", fromStart: true},
		{name: "alias", script: get + `http://alias:8080`, want: `"srv"`, fromStart: true},
		{name: "alone", in: far.namespace, script: get + `http://alone.equalkinds-far:8080`, want: `"srv"`},
		{name: "nobody", script: get + `http://nobody:8080; { echo ping; sleep 0.5; } | nc -N -w 5 nobody 9000`, want: "503"},
		{name: "nobody-web", script: get + `http://nobody-web:8085`, want: "503"},
		{name: "sleeping", script: get + `http://sleeping:8099`, want: "503"},
		{name: "by-hand", script: get + `http://by-hand:8080; { echo ping; sleep 0.5; } | nc -N -w 5 by-hand 9000`, want: "plain: ping"},
		{name: "addressed.example.com", script: get + `-H 'Host: addressed.example.com' http://198.18.7.1:8080; { echo ping; sleep 0.5; } | nc -N -w 5 198.18.7.1 9000`,
			want: "external: ping"},
		{name: "inside.example.com", script: get + `-H 'Host: inside.example.com' http://198.18.7.2:8080`, want: `"srv"`},
		{name: "entries.example.com", script: get + `-H 'Host: entries.example.com' http://198.18.7.3:8080`, want: `"external"`},
		{name: "nowhere.example.com", script: get + `-H 'Host: nowhere.example.com' http://198.51.100.9:8080`, want: `"external"`},
		{name: "dns.example.com", script: get + `-H 'Host: dns.example.com' http://198.51.100.9:8080`, want: `"plain"`},
		{name: "*.wild.example.com", script: get + `-H 'Host: a.wild.example.com' http://` + externalIP + `:8080`, want: `"external"`},
		{name: "leaving.example.com", script: get + `-H 'Host: leaving.example.com' http://198.51.100.9:8080`, want: `"srv"`},
		{name: "secure.example.com", script: get + `-k --resolve secure.example.com:8443:198.51.100.9 https://secure.example.com:8443`,
			want: `"external"`, fromStart: true},
		{name: "the API server", script: get + `-k https://kubernetes.default/api | head -1; ` + get + `-k https://kubernetes.default.svc/api -o /dev/null`,
			want: "HTTP/2 40", fromStart: true},
		{name: "an unknown name", script: get + `http://unknown.example.com:8080`, want: "Could not resolve", fromStart: true},
		{name: "an unknown host on a known port", script: get + `-H 'Host: unknown.example.com' http://198.51.100.9:8080`, want: "", fromStart: true},
		{name: "an address that nobody owns", script: get + `http://` + externalIP + `:8080`, want: `"external"`, fromStart: true},
		{name: "a port that no service has", script: get + `-o /dev/null http://alone.equalkinds-far:8077 2>/dev/null || echo no answer`,
			want: "no answer", fromStart: true},
	})
}

// plain is a Deployment of the test server without a sidecar.
func plain(name string) string {
	args := fmt.Sprintf("args: [--name=%s, --version=v1, --http=8080, --tcp=9000, --tls=8443]", name)
	return workload("Deployment", name, fmt.Sprintf("app: %s, sidecar.istio.io/inject: 'false'", name), "lazyxds/echo", args)
}

// headless is a Service without an address of its own.
func headless(name, app string, ports ...string) string {
	return strings.Replace(service(name, app, ports...), "spec:\n", "spec:\n  clusterIP: None\n", 1)
}

// podIP is the address of a Deployment's only pod.
func (w *world) podIP(app string) string {
	w.Helper()
	return w.kubectl("get", "pods", "-l", "app="+app, "-o", "jsonpath={.items[0].status.podIP}")
}

// settled waits until "control" has a cluster for each host.
func (w *world) settled(hosts ...string) {
	w.Helper()
	w.eventually("full scope to hold what was applied", func() error {
		for _, host := range hosts {
			if clusters := w.exec("deploy/control", "curl", "-sS", "-m", "5", "http://127.0.0.1:15000/clusters"); !strings.Contains(clusters, "||"+host) {
				return fmt.Errorf("no %s", host)
			}
		}
		return nil
	})
}
