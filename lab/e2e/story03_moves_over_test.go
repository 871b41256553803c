package e2e

import (
	"testing"
	"time"
)

// Clients that keep their connections open move from the fallback to the direct path without an error and without
// doing anything. Within two seconds the Sidecar holds the service, the WorkloadScope tells when and how it was learned, and
// the server sees the caller itself.
func TestMovesOver(t *testing.T) {
	w := newWorld(t, echo("srv", "v1"), client("client"),
		service("keepalive", "srv", "http:8080"), service("h2", "srv", "http2:8080"), service("grpc", "srv", "grpc:7070"))
	w.lazy("deployment/client")

	for name, args := range map[string][]string{
		"keepalive": {"--url", "http://keepalive:8080", "--concurrency", "2"},
		"h2":        {"--url", "http://h2:8080", "--http2", "--concurrency", "2"},
		"grpc":      {"--url", "grpc://grpc:7070", "--concurrency", "2"},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.sub(t)
			start := time.Now().Add(-time.Second) // recorded times have whole seconds
			load := w.send("deploy/client", append(args, "--rps", "50", "--duration", "20s")...)
			w.inScopeWithin(2*time.Second, "deployment/client", w.namespace+"/"+w.fqdn(name))
			<-load.done
			report := load.stop()

			w.noFailure("load on kept connections", report)
			if report.Fallback.Requests == 0 || report.Direct.Requests == 0 {
				t.Fatalf("%d requests took the fallback and %d went directly, want some of both", report.Fallback.Requests, report.Direct.Requests)
			}
			if report.Peers[w.identity("default")] != report.Direct.Requests {
				t.Errorf("the server saw %v", report.Peers)
			}
			d := w.observed("deployment/client", w.fqdn(name))
			if d == nil || len(d.SeenAs) == 0 || d.FirstSeen.Before(start) || d.FirstSeen.After(time.Now().Add(time.Second)) {
				t.Errorf("the scope says %+v of %s, called since %s", d, name, start)
			}
		})
	}
}
