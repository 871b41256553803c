package e2e

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// A workload has an idleTTL. What it calls now and then stays in its scope, and so does what it only holds a connection or a
// stream to. What it does not call leaves an idleTTL later, although the controller was killed meanwhile, which makes nothing leave
// earlier. It comes back by the fallback, without a failed request.
func TestIdleTTL(t *testing.T) {
	w := newWorld(t, client("client"), echo("srv", "v1"), service("called", "srv", "http:8080"), service("idle", "srv", "http:8081:8080"),
		service("held", "srv", "tcp:9000"), service("streamed", "srv", "grpc:7070"))
	w.idleTTL("client", "1m")
	w.lazy("deployment/client")
	w.noFailure("first connection", w.request("deploy/client", "tcp://held:9000"))
	w.inScope("deployment/client", w.namespace+"/"+w.fqdn("held"))
	w.firstRequest("streamed", "grpc://streamed:7070", "srv/v1")
	w.narrow("deployment/client")
	held := w.send("deploy/client", "--url", "tcp://held:9000", "--hold", "10m")
	streamed := w.send("deploy/client", "--url", "grpc://streamed:7070", "--hold", "10m", "--every", "20s")
	called := w.send("deploy/client", "--url", "http://called:8080", "--rps", "0.2", "--duration", "0")
	w.firstRequest("idle", "http://idle:8081", "srv/v1")
	w.eventually("the scope to tell when it expires", func() error {
		if d := w.observed("deployment/client", w.fqdn("idle")); d == nil || d.ExpiresAt.IsZero() {
			return fmt.Errorf("it has %+v", d)
		}
		return nil
	})

	w.killController()
	idle := w.observed("deployment/client", w.fqdn("idle"))
	if idle == nil {
		t.Fatal("what was not called for less than an idleTTL has left the scope")
	}
	w.eventually("what is not called to leave the scope", func() error {
		if hosts := w.sidecarHosts("deployment/client"); slices.Contains(hosts, w.namespace+"/"+w.fqdn("idle")) {
			return fmt.Errorf("it holds %v", hosts)
		}
		return nil
	})
	if early := time.Until(idle.ExpiresAt); early > 0 {
		t.Errorf("it left %s before it was to expire", early)
	}
	w.must(w.learned(map[string][]string{"deployment/client": {"called", "held", "streamed"}}))
	w.drained("deployment/client")
	w.firstRequest("idle", "http://idle:8081", "srv/v1")

	w.noFailure("a held TCP connection", held.stop())
	w.noFailure("a gRPC stream", streamed.stop())
	w.noFailure("requests now and then", called.stop())
}

// Connections that a workload opened while it was observed outlive that it becomes lazy: what makes its sidecars report stays.
func TestObservedConnectionsStay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, client("client"), echo("srv", "v1"), service("http", "srv", "http:8080"), service("tcp", "srv", "tcp:9000"),
		service("grpc", "srv", "grpc:7070"))
	w.enrol("observe")
	w.becomes("deployment/client", "False", "Observing")
	w.drained("deployment/client")
	var connections []*traffic
	for _, url := range []string{"tcp://tcp:9000", "grpc://grpc:7070", "ws://http:8080/ws"} {
		connections = append(connections, w.send("deploy/client", "--url", url, "--hold", "10m"))
	}
	w.eventually("what they hold to be known", func() error {
		return w.learned(map[string][]string{"deployment/client": {"http", "tcp", "grpc"}})
	})

	w.lazy("deployment/client")
	w.drained("deployment/client")
	for _, c := range connections {
		w.noFailure("a held connection", c.stop())
	}
	if n := w.fallbackConnections("deployment/client"); n > 0 {
		t.Errorf("%d connections to the fallback egress", n)
	}
}

// idleTTL gives a Deployment a WorkloadScope with an idleTTL.
func (w *world) idleTTL(deployment, ttl string) {
	w.Helper()
	w.apply(fmt.Sprintf("apiVersion: lazyxds.io/v1alpha1\nkind: WorkloadScope\nmetadata: {name: deployment-%s}\n"+
		"spec: {workload: {kind: Deployment, name: %s}, idleTTL: %s}", deployment, deployment, ttl))
}

// narrow waits until a workload's Sidecar warms no clusters any more, and its sidecar has what istiod would send.
func (w *world) narrow(workload string) {
	w.Helper()
	w.eventually("the Sidecar of "+workload+" to take no further step", func() error {
		listeners := w.kubectl("get", "sidecars", "-l", "lazyxds.io/scope="+strings.ReplaceAll(workload, "/", "-"),
			"-o", "jsonpath={.items[*].spec.egress[*].port.name}")
		if listeners != "" {
			return fmt.Errorf("it has the listener %s", listeners)
		}
		return nil
	})
	w.measure(workload)
}

var draining = regexp.MustCompile(`(?m)^listener_manager\.total_(?:listeners|filter_chains)_draining: (\d+)$`)

// drained waits until a workload is in its final scope and its sidecar has closed whatever hung on listeners that were replaced.
func (w *world) drained(workload string) {
	w.Helper()
	w.narrow(workload)
	w.eventually("the sidecar of "+workload+" to have drained old listeners", func() error {
		found := draining.FindAllStringSubmatch(w.envoy(workload, "/stats?filter=draining"), -1)
		if len(found) != 2 {
			return fmt.Errorf("it does not tell: %v", found)
		}
		for _, stat := range found {
			if stat[1] != "0" {
				return fmt.Errorf("it drains: %v", found)
			}
		}
		return nil
	})
}

// envoy asks the admin interface of a workload's sidecar.
func (w *world) envoy(workload, path string) string {
	w.Helper()
	target := cluster.Target{Namespace: w.namespace, Name: workload, Container: "istio-proxy"}
	out, err := w.lab.Exec(w.ctx, target, "curl", "--silent", "--fail", "http://127.0.0.1:15000"+path)
	w.must(err)
	if out.Code != 0 {
		w.Fatalf("ask the sidecar of %s for %s: exit code %d: %s", workload, path, out.Code, out.Stderr)
	}
	return out.Stdout
}
