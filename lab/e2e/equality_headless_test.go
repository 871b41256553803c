package e2e

import (
	"context"
	"fmt"
	"os"
	"slices"
	"testing"
)

// Where pods' addresses are diverted, headless services are learned like others, by their own name or by that of a pod, with STRICT
// mTLS, and clients see what they see in full scope. Traffic that runs while the setting comes and goes does not notice.
func TestHeadlessLearned(t *testing.T) {
	far := newWorldIn(t, "headlesslearned-far", database("db"), headless("db", "db", "http:8080"),
		headless("tcp", "db", "tcp:9000"), headless("unused", "db", "tcp:7070"), headless("load", "db", "http:8080"), headless("load-tcp", "db", "tcp:9001"))
	w := newEqualWorld(t, database("peer"), headless("peer", "peer", "tcp:9000"), headless("greet", "peer", "tcp:9001"),
		headless("sniffed", "peer", "web:8080"), headless("secure", "peer", "tls:8443"), headless("near", "peer", "http:8080"), plain("plain"))
	load := w.send("deploy/client", "--url", "http://load."+far.namespace+":8080", "--rps", "20", "--duration", "0", "--keepalive=false")
	connections := w.send("deploy/client", "--url", "tcp://load-tcp."+far.namespace+":9001", "--server-first", "--rps", "5", "--duration", "0")

	t.Cleanup(func() {
		if err := w.lab.Install(context.Background(), os.Stderr); err != nil {
			t.Error(err)
		}
	})
	w.must(w.lab.Install(w.ctx, os.Stderr, "--set", "headless=Learn,podCIDRs={10.244.0.0/16}"))
	w.outOfScope("deployment/client", w.namespace+"/"+w.fqdn("peer"))
	const get, ping = `curl -sSi -m 10 `, `{ echo ping; sleep 0.5; } | nc -N -w 5 `
	w.equalities([]equal{
		{name: "peer", script: ping + `peer-0.peer 9000`, want: "peer: ping"},
		{name: "greet", script: ping + `greet 9001`, want: "hello from peer v1\npeer: ping"},
		{name: "sniffed", script: get + `http://sniffed:8080`, want: `"peer"`},
		{name: "secure", script: get + `-k https://secure:8443`, want: `"sni": "secure"`},
		{name: "near", script: get + `http://near:8080`, want: `"peer"`, fromStart: true},
		{name: "tcp", in: far.namespace, script: ping + `tcp.headlesslearned-far 9000`, want: "db: ping"},
		{name: "db", in: far.namespace, script: get + `http://db-0.db.headlesslearned-far:8080`, want: `"db"`},
		{name: "a pod that no service stands for", script: get + `http://` + w.podIP("plain") + `:8080`, want: `"plain"`, fromStart: true},
	})
	w.must(w.lab.Install(w.ctx, os.Stderr))
	w.inScope("deployment/client", far.namespace+"/"+far.fqdn("unused"))
	w.noFailure("requests to a headless service", load.stop())
	w.noFailure("connections to a headless service", connections.stop())
}

// database is a StatefulSet of the test server.
func database(name string) string {
	return workload("StatefulSet", name, "app: "+name, "lazyxds/echo", "args: [--name="+name+
		", --version=v1, --http=8080, --grpc=7070, --tcp=9000, --tcp-server-first=9001, --tls=8443]")
}

// outOfScope waits until a workload's Sidecar does not hold a host, given as namespace/host.
func (w *world) outOfScope(workload, host string) {
	w.Helper()
	w.eventually(host+" out of the scope of "+workload, func() error {
		if hosts := w.sidecarHosts(workload); slices.Contains(hosts, host) {
			return fmt.Errorf("it has %v", hosts)
		}
		return nil
	})
}
