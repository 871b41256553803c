package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/app/load"
)

// The first request to a service that a lazy workload does not know succeeds, and is routed as the mesh's rules say,
// whatever name and protocol it uses.
func TestFirstRequest(t *testing.T) {
	t.Parallel()
	other := newWorldIn(t, "firstrequest-other", echo("far", "v1"), service("far", "far", "http:8080"),
		service("far-tcp", "far", "tcp:9001"), service("far-fqdn", "far", "http:80:8080"))
	w := newWorld(t, firstRequestServices(), echo("srv", "v1"), echo("srv", "v2"), echo("canary", "v1"), client("client"))
	w.lazy("deployment/client")

	versioned := []struct{ name, url string }{
		{"bare", "http://bare"},
		{"bareport", "http://bareport:8080"},
		{"withns", "http://withns.NS"},
		{"withnsport", "http://withnsport.NS:8080"},
		{"fqdn", "http://fqdn.NS.svc.cluster.local"},
		{"fqdnport", "http://fqdnport.NS.svc.cluster.local:8080"},
	}
	for _, c := range versioned {
		url := strings.ReplaceAll(c.url, "NS", w.namespace)
		t.Run(c.name, func(t *testing.T) {
			w := w.sub(t)
			w.firstRequest(c.name, url, "srv/v1")
			w.servedBy(w.request("deploy/client", url, "--header", "end-user:jason"), "srv/v2")
		})
		t.Run(c.name+" to the other version", func(t *testing.T) {
			w := w.sub(t)
			url := strings.Replace(url, "://"+c.name, "://"+c.name+"-b", 1)
			w.firstRequest(c.name+"-b", url, "srv/v2", "--header", "end-user:jason")
		})
	}
	t.Run("HTTP/2", func(t *testing.T) { w.sub(t).firstRequest("h2", "http://h2:8080", "srv/v1", "--http2") })
	t.Run("gRPC", func(t *testing.T) { w.sub(t).firstRequest("grpc", "grpc://grpc:7070", "srv/v1") })
	t.Run("another namespace", func(t *testing.T) {
		w := w.sub(t)
		w.servedBy(w.request("deploy/client", "http://far."+other.namespace+":8080"), "far/v1")
		w.inScope("deployment/client", other.namespace+"/"+other.fqdn("far"))
	})
	t.Run("another namespace by full name", func(t *testing.T) {
		w := w.sub(t)
		w.servedBy(w.request("deploy/client", "http://"+other.fqdn("far-fqdn")), "far/v1")
		w.inScope("deployment/client", other.namespace+"/"+other.fqdn("far-fqdn"))
	})
	t.Run("TCP, the server speaks first", func(t *testing.T) {
		w := w.sub(t)
		w.noFailure("first connection", w.request("deploy/client", "tcp://tcp:9001", "--server-first"))
		w.inScope("deployment/client", w.namespace+"/"+w.fqdn("tcp"))
		w.noFailure("later connection", w.request("deploy/client", "tcp://tcp:9001", "--server-first"))
	})
	t.Run("TCP in another namespace", func(t *testing.T) {
		w := w.sub(t)
		url := "tcp://far-tcp." + other.namespace + ":9001"
		w.noFailure("first connection", w.request("deploy/client", url, "--server-first"))
		w.inScope("deployment/client", other.namespace+"/"+other.fqdn("far-tcp"))
	})
	t.Run("routed to another service", func(t *testing.T) {
		w := w.sub(t)
		w.firstRequest("moved", "http://moved:8080", "canary/v1")
		w.inScope("deployment/client", w.namespace+"/"+w.fqdn("canary"))
		if d := w.observed("deployment/client", w.fqdn("moved")); d == nil {
			t.Error("the service that was called is not learned")
		}
		if d := w.observed("deployment/client", w.fqdn("canary")); d == nil {
			t.Error("the service that it was routed to is not learned")
		}
	})
}

// A stream or a connection that goes on for minutes is learned when it starts, and is not cut when its service comes into scope.
func TestLongStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("stream", "srv", "http:8080"), service("grpcstream", "srv", "grpc:7070"),
		service("websocket", "srv", "http:8080"), service("greeting", "srv", "tcp:9001"), client("client"))
	w.lazy("deployment/client")
	for name, url := range map[string]string{
		"stream":     "http://stream:8080/?stream=130s",
		"grpcstream": "grpc://grpcstream:7070",
		"websocket":  "ws://websocket:8080/ws",
		"greeting":   "tcp://greeting:9001",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := w.sub(t)
			held := w.send("deploy/client", "--url", url, "--hold", "2m", fmt.Sprintf("--server-first=%v", name == "greeting"))
			w.inScope("deployment/client", w.namespace+"/"+w.fqdn(name))
			<-held.done
			report := held.stop()
			w.noFailure("stream", report)
			if len(report.CutMillis) > 0 {
				t.Errorf("the stream was cut after %v ms", report.CutMillis)
			}
		})
	}
}

// firstRequestFrom is firstRequest from any Deployment to a service of the servers "srv" on port 8080.
func (w *world) firstRequestFrom(client, service string) {
	w.Helper()
	w.learns(client, service, "http://"+service+":8080", "srv/v1")
}

// firstRequest sends the first request of "client" to a service: it takes the fallback, is served by the right version,
// and has the service learned. The next one goes directly.
func (w *world) firstRequest(service, url, servedBy string, args ...string) {
	w.Helper()
	w.learns("client", service, url, servedBy, args...)
}

func (w *world) learns(client, service, url, servedBy string, args ...string) {
	w.Helper()
	first := w.request("deploy/"+client, url, args...)
	w.servedBy(first, servedBy)
	if first.Fallback.Requests != 1 {
		w.Errorf("first request: the server saw %v, not the fallback", first.Peers)
	}
	w.inScope("deployment/"+client, w.namespace+"/"+w.fqdn(service))
	w.eventually("requests to "+service+" to go directly", func() error {
		r := w.request("deploy/"+client, url, args...)
		w.servedBy(r, servedBy)
		if r.Peers[w.identity("default")] != 1 {
			return fmt.Errorf("the server saw %v", r.Peers)
		}
		return nil
	})
}

// servedBy fails the story unless the report is of one successful request that this server answered.
func (w *world) servedBy(r load.Report, server string) {
	w.Helper()
	w.noFailure("request to "+r.URL, r)
	if r.ServedBy[server] != r.Requests {
		w.Errorf("%s was answered by %v, want %s", r.URL, r.ServedBy, server)
	}
}

// sub is the world in a subtest.
func (w *world) sub(t *testing.T) *world {
	return &world{T: t, ctx: t.Context(), lab: w.lab, namespace: w.namespace}
}

// firstRequestServices are services of the same pods, each to be called for the first time once. Those with versions
// are routed by header: end-user jason gets v2, everybody else v1.
func firstRequestServices() string {
	out := []string{service("tcp", "srv", "tcp:9001"), service("moved", "srv", "http:8080"), service("canary", "canary", "http:8080"), `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: moved}
spec:
  hosts: [moved]
  http: [{route: [{destination: {host: canary}}]}]
`}
	ports := map[string]string{"h2": "http2:8080", "grpc": "grpc:7070"}
	for _, name := range []string{"bare", "bareport", "withns", "withnsport", "fqdn", "fqdnport"} {
		port := "http:80:8080"
		if strings.HasSuffix(name, "port") {
			port = "http:8080"
		}
		ports[name], ports[name+"-b"] = port, port
	}
	for name, port := range ports {
		out = append(out, service(name, "srv", port), strings.ReplaceAll(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: NAME}
spec:
  hosts: [NAME]
  http:
  - match: [{headers: {end-user: {exact: jason}}}]
    route: [{destination: {host: NAME, subset: v2}}]
  - route: [{destination: {host: NAME, subset: v1}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: NAME}
spec:
  host: NAME
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
`, "NAME", name))
	}
	return docs(out...)
}
