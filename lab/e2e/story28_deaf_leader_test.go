package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// soon is how long a lesson may take to be in a WorkloadScope's status, whoever leads: a second, and what it takes to look.
const soon = 4 * time.Second

// Two controllers, of which the one that does not lead is sent all access logs. What it hears is recorded soon, while the leader
// works, hangs, or is dead, and comes into the Sidecar by whoever leads then. Each service is called once: nothing has to be asked
// for again, not even what the hearing controller held when it was told to stop, or had just recorded when it was killed.
func TestDeafLeader(t *testing.T) {
	documents := []string{echo("srv", "v1"), client("client"), service("excluded", "srv", "http:8080")}
	calls := map[string][]string{}
	for _, when := range []string{"first", "hanging", "stopping", "leaderless"} {
		for i := range 6 {
			name := fmt.Sprintf("%s-%d", when, i)
			calls[when] = append(calls[when], name)
			documents = append(documents, service(name, "srv", "http:8080"))
		}
	}
	w := newWorld(t, documents...)
	w.twoControllers()
	w.kubectl("annotate", "deployment/client", "lazyxds.io/exclude="+w.namespace+"/"+w.fqdn("excluded"))
	w.lazy("deployment/client")
	sidecars := w.watchSidecars()
	leader, ear := w.deafenLeader()

	w.callEach(calls["first"])
	w.recorded(soon, calls["first"])
	w.allInScope(soon, calls["first"])

	w.must(w.lab.SignalContainer(w.ctx, leader, syscall.SIGSTOP))
	w.callEach(calls["hanging"])
	w.recorded(soon, calls["hanging"])
	w.must(w.lab.SignalContainer(w.ctx, ear, syscall.SIGKILL))
	w.must(w.lab.SignalContainer(w.ctx, leader, syscall.SIGCONT))
	w.allInScope(20*time.Second, calls["hanging"])

	w.hears(ear)
	before := w.quiet(ear)
	w.callEach(calls["stopping"])
	w.eventually("it to hear of all", func() error {
		if got, want := w.heard(ear)-before, 2*len(calls["stopping"]); got < want {
			return fmt.Errorf("%d entries, want %d", got, want)
		}
		return nil
	})
	w.must(w.lab.SignalContainer(w.ctx, ear, syscall.SIGTERM))
	w.recorded(soon, calls["stopping"])
	w.allInScope(soon, calls["stopping"])

	w.hears(ear)
	if now := w.leader(); now != leader {
		t.Fatalf("%s leads, want %s", now, leader)
	}
	w.kubectl("delete", "-n", "istio-system", leader.Name, "--force", "--grace-period=0", "--wait=false")
	died := time.Now()
	w.callEach(calls["leaderless"])
	w.recorded(soon, calls["leaderless"])
	w.allInScope(20*time.Second-time.Since(died), calls["leaderless"])
	t.Logf("in scope %s after the leader's death", time.Since(died).Round(100*time.Millisecond))
	sidecars()
}

// deafenLeader has all access logs sent to the controller that does not lead, for as long as the story lasts.
func (w *world) deafenLeader() (leader, ear cluster.Target) {
	w.Helper()
	leader = w.leader()
	for _, pod := range strings.Fields(w.kubectl("get", "pods", "-n", "istio-system", "-l", "app=lazyxds", "-o", "name")) {
		if pod != leader.Name {
			ear = cluster.Target{Namespace: "istio-system", Name: pod}
		}
	}
	w.kubectl("label", "-n", "istio-system", "--overwrite", ear.Name, "hears=yes")
	w.kubectl("label", "-n", "istio-system", "--overwrite", leader.Name, "hears=no")
	w.undoAtEnd("patch", "service/lazyxds", "-p", `{"spec":{"selector":{"hears":null}}}`)
	w.kubectl("patch", "-n", "istio-system", "service/lazyxds", "-p", `{"spec":{"selector":{"hears":"yes"}}}`)
	// Its streams end with it; the Lease is still its own when it is back.
	w.must(w.lab.SignalContainer(w.ctx, leader, syscall.SIGKILL))
	w.hears(ear)
	w.eventually("the leader to lead again, and to hear nothing", func() error {
		if streams, err := w.metricOf(leader, "lazyxds_als_streams"); err != nil || streams > 0 || w.leader() != leader {
			return fmt.Errorf("%v streams, %s leads: %w", streams, w.leader(), err)
		}
		return nil
	})
	return leader, ear
}

// undoAtEnd runs kubectl in istio-system when the story is over.
func (w *world) undoAtEnd(args ...string) {
	w.Cleanup(func() {
		if _, err := w.lab.Kubectl(context.Background(), "", append(args, "-n", "istio-system")...); err != nil {
			w.Error(err)
		}
	})
}

// hears waits until a controller is sent access logs by each worker of the egress: a worker opens its stream when it has something to
// tell, and what it tells while the stream fails is lost. They tell of calls of an excluded service, which never comes into scope.
func (w *world) hears(replica cluster.Target) {
	w.Helper()
	workers := w.egressWorkers()
	w.eventually(replica.Name+" to be sent access logs by everyone", func() error {
		w.noFailure("calls of an excluded service", w.request("deploy/client", "http://excluded:8080", "--requests=32", "--rps=0"))
		if streams, err := w.metricOf(replica, "lazyxds_als_streams"); err != nil || int(streams) < workers {
			return fmt.Errorf("%v streams of %d workers: %w", streams, workers, err)
		}
		return nil
	})
}

// egressWorkers counts the threads of all replicas of the egress.
func (w *world) egressWorkers() int {
	w.Helper()
	total := 0
	for _, pod := range strings.Fields(w.kubectl("get", "pods", "-n", "istio-system", "-l", "app=istio-egressgateway-lazyxds", "-o", "name")) {
		out, err := w.lab.Exec(w.ctx, cluster.Target{Namespace: "istio-system", Name: pod}, "curl", "-sS", "-m", "5", "http://127.0.0.1:15000/server_info")
		w.must(err)
		var info struct {
			Options struct {
				Concurrency int `json:"concurrency"`
			} `json:"command_line_options"`
		}
		w.must(json.Unmarshal([]byte(out.Stdout), &info))
		total += info.Options.Concurrency
	}
	return total
}

// heard counts the entries of HTTP requests that a controller took in since it started: one when a request starts, one when it ends.
func (w *world) heard(replica cluster.Target) int {
	w.Helper()
	entries, err := w.metricOf(replica, `lazyxds_als_entries_total{protocol="http",result="accepted"}`)
	w.must(err)
	return int(entries)
}

// quiet is heard when nothing is under way any more. Envoy sends entries every tenth of a second: several looks find the same then.
func (w *world) quiet(replica cluster.Target) int {
	w.Helper()
	var last, looks int
	w.eventually(replica.Name+" to have heard of all that was called", func() error {
		if now := w.heard(replica); now != last {
			last, looks = now, 0
		}
		if looks++; looks < 5 {
			return fmt.Errorf("%d entries, and more may come", last)
		}
		return nil
	})
	return last
}

// callEach has the client call each service once, as fast as it goes.
func (w *world) callEach(services []string) {
	w.Helper()
	w.exec("deploy/client", append([]string{"sh", "-ec", `for s; do labapp load --requests=1 --url "http://$s:8080"; done`, "sh"}, services...)...)
}

// recorded waits until the status of the client's scope holds each service.
func (w *world) recorded(limit time.Duration, services []string) {
	w.Helper()
	w.must(w.lab.Wait(w.ctx, "services to be recorded", limit, errorFree(func() error {
		scope, err := w.scope("deployment/client")
		if err != nil {
			return err
		}
		for _, service := range services {
			if !scope.records(w.fqdn(service)) {
				return fmt.Errorf("%s is not", service)
			}
		}
		return nil
	})))
}

// allInScope waits until the client's Sidecar holds each service.
func (w *world) allInScope(limit time.Duration, services []string) {
	w.Helper()
	w.must(w.lab.Wait(w.ctx, "services to be in scope", limit, errorFree(func() error { return w.missing([]string{"client"}, services) })))
}
