package e2e

import (
	"fmt"
	"os"
	"testing"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// In a cluster that has no IPv4 at all, first requests by HTTP, gRPC and TCP take the fallback, by bare names too; then they
// are learned and go directly. Who is denied by name stays out, and the egress is no open relay.
func TestIPv6(t *testing.T) {
	t.Parallel()
	lab := newLab(t, cluster.Options{Name: "e2ev6", Family: cluster.IPv6})
	if err := lab.Install(t.Context(), os.Stderr, "--set", "egress.autoscaling.enabled=false,egress.replicas=1"); err != nil {
		t.Fatal(err)
	}
	w := newWorldOn(lab, t, "ipv6", echo("srv", "v1"), echo("guarded", "v1"), client("client"), account("stranger", client("stranger")),
		outsider(), service("bare", "srv", "http:80:8080"), service("withns", "srv", "http:8080"), service("grpc", "srv", "grpc:7070"),
		service("tcp", "srv", "tcp:9000"), service("greets", "srv", "tcp:9001"),
		service("guarded", "guarded", "http:8080"), policy("guarded", "DENY", "principals: [cluster.local/ns/NS/sa/stranger]"))
	w.kubectl("wait", "pod/outsider", "--for=condition=Ready", "--timeout", patience.String())
	w.lazy("deployment/client", "deployment/stranger")

	w.firstRequest("bare", "http://bare", "srv/v1")
	w.firstRequest("withns", "http://withns."+w.namespace+":8080", "srv/v1")
	w.firstRequest("grpc", "grpc://grpc:7070", "srv/v1")
	for service, c := range map[string]struct {
		url  string
		args []string
	}{
		"tcp":    {"tcp://tcp:9000", nil},
		"greets": {"tcp://greets:9001", []string{"--server-first"}},
	} {
		w.noFailure("first connection to "+service, w.request("deploy/client", c.url, c.args...))
		w.inScope("deployment/client", w.namespace+"/"+w.fqdn(service))
		w.eventually("connections to "+service+" to go directly", func() error {
			if r := w.request("deploy/client", c.url, c.args...); r.Failed > 0 || !w.connected("client", w.fqdn(service)) {
				return fmt.Errorf("got %v", r.Errors)
			}
			return nil
		})
	}

	w.noFailure("a caller who is not denied", w.request("deploy/client", "http://guarded:8080"))
	for range 2 {
		if r := w.request("deploy/stranger", "http://guarded:8080"); !refused(r) {
			t.Errorf("a denied caller got %v, the server saw %v", r.Errors, r.Peers)
		}
	}
	w.egressIsClosed("bare")
}
