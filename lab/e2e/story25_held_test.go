package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// Workloads hold a WebSocket, a gRPC stream and a TCP connection to a service in their scope, and the same to services that they
// found by the fallback, while happens what may happen to LazyXDS, and three minutes more. All stay as they are, but for two
// limits: becoming lazy closes what goes to unknown services, once, and a Sidecar of the user's what began on the fallback.
//
// Then the egress goes before everything else, as it should not: connections to services in scope stay nevertheless. All that
// takes a lab of its own, beside which others run.
func TestHeldConnections(t *testing.T) {
	t.Parallel()
	lab := newLab(t, cluster.Options{Name: "e2e4"})
	t.Run("while the installation lasts", func(t *testing.T) { holdThroughEverything(t, lab) })
	t.Run("without the egress", func(t *testing.T) { holdWithoutEgress(t, lab) })
}

func holdThroughEverything(t *testing.T, lab *cluster.Lab) {
	w := newHeldWorld(t, lab, "lasting", "cold", "warm", "steady", "leaver", "foreign")
	cold, warm := w.hold("cold", known...), w.hold("warm", known...)
	for _, name := range []string{"steady", "leaver", "foreign"} {
		w.lazyKnowing(name)
	}
	steady, leaver := w.hold("steady", known...), w.hold("leaver", known...)
	foreign, yielding := w.hold("foreign", known...), w.throughFallback("foreign")
	steady, leaver = append(steady, w.throughFallback("steady")...), append(leaver, w.throughFallback("leaver")...)

	w.kubectl("annotate", "deployment/warm", "lazyxds.io/include="+w.namespace+"/"+w.fqdn("known"))
	w.annotate("deployment/cold", "true")
	w.annotate("deployment/warm", "true")
	w.becomes("deployment/cold", "True", "Lazy")
	w.becomes("deployment/warm", "True", "Lazy")
	w.annotate("deployment/leaver", "false")
	w.widened("deployment/leaver", "NotEnrolled")
	w.learnsAndForgets("steady")
	pooled := w.send("deploy/steady", "--url", "http://excluded:8080", "--rps", "5", "--duration", "0")
	fresh := w.send("deploy/steady", "--url", "http://excluded:8080", "--rps", "5", "--duration", "0", "--keepalive=false")
	w.foreignComesAndGoes("foreign")
	w.newAddress("steady")
	w.upgrades()
	w.heldFor("3m")

	w.uncut("known when it became lazy", warm)
	w.uncut("in scope, or on the fallback", steady)
	w.uncut("of a workload that opted out", leaver)
	w.uncut("in the user's scope, too", foreign)
	w.cutOnceAtMost("unknown when it became lazy", cold)
	w.cutOnceAtMost("on the fallback, when the user's Sidecar came", yielding)
	if tcp := cold[2].stop(); len(tcp.CutMillis) == 0 {
		t.Errorf("%s: its listener went when it became lazy, and nothing was cut", tcp.URL)
	}
	for _, load := range []*traffic{pooled, fresh} {
		report := load.stop()
		w.noFailure("load on the fallback", report)
		if report.Fallback.Requests != report.Requests {
			t.Errorf("%d of %d requests to a service that is excluded took the fallback", report.Fallback.Requests, report.Requests)
		}
	}
}

func holdWithoutEgress(t *testing.T, lab *cluster.Lab) {
	w := newHeldWorld(t, lab, "egressless", "steady")
	w.lazyKnowing("steady")
	held := w.hold("steady", known...)
	w.kubectl("delete", "-n", "istio-system", "deployment/istio-egressgateway-lazyxds")
	w.kubectl("wait", "-n", "istio-system", "pod", "-l", "app=istio-egressgateway-lazyxds", "--for=delete", "--timeout", patience.String())
	w.must(w.lab.Uninstall(w.ctx))
	w.drained("deployment/steady")
	w.uncut("in scope", held)
}

// known is a service that goes into the scope before connections to it are opened.
var known = []string{"ws://known:8080/ws", "grpc://known:7070", "tcp://known:9000"}

// newHeldWorld is a world of clients that close what hangs on old listeners after ten seconds, with an installation in which
// connections on the fallback may go on for ten minutes when their way ends.
func newHeldWorld(t *testing.T, lab *cluster.Lab, namespace string, clients ...string) *world {
	t.Helper()
	documents := []string{echo("srv", "v1"), service("known", "srv", "http:8080", "grpc:7070", "tcp:9000"),
		service("found-ws", "srv", "http:8180:8080"), service("found-grpc", "srv", "grpc:7170:7070"), service("found-tcp", "srv", "tcp:9100:9000"),
		service("found-port", "srv", "http:8080"), service("late", "srv", "http:8080", "tcp:9000"),
		service("excluded", "srv", "http:8080", "tcp:9000")}
	for _, name := range clients {
		documents = append(documents, strings.Replace(client(name), "template:\n    metadata: {",
			"template:\n    metadata: {annotations: {proxy.istio.io/config: \"drainDuration: 10s\"}, ", 1))
	}
	w := newWorldOn(lab, t, namespace, documents...)
	w.upgrade()
	return w
}

// upgrade changes values of the installation.
func (w *world) upgrade(values ...string) {
	w.Helper()
	values = append(values, "egress.drainDuration=600s")
	w.must(w.lab.Install(w.ctx, os.Stderr, "--set", strings.Join(values, ",")))
}

// lazyKnowing makes a client lazy and has it learn "known" and "excluded".
func (w *world) lazyKnowing(client string) {
	w.Helper()
	w.annotate("deployment/"+client, "true")
	w.becomes("deployment/"+client, "True", "Lazy")
	for _, service := range []string{"known", "excluded"} {
		w.servedBy(w.request("deploy/"+client, "http://"+service+":8080"), "srv/v1")
		w.inScope("deployment/"+client, w.namespace+"/"+w.fqdn(service))
	}
	w.narrow("deployment/" + client)
}

// throughFallback holds connections that a lazy client makes before it knows the services; it learns them by that.
func (w *world) throughFallback(client string) []*traffic {
	w.Helper()
	held := w.hold(client, "ws://found-ws:8180/ws", "grpc://found-grpc:7170", "tcp://found-tcp:9100", "ws://found-port:8080/ws")
	for _, service := range []string{"found-ws", "found-grpc", "found-tcp", "found-port"} {
		w.inScope("deployment/"+client, w.namespace+"/"+w.fqdn(service))
		if w.connected(client, w.fqdn(service)) {
			w.Errorf("%s called %s directly, before anybody could know", client, service)
		}
	}
	return held
}

// hold holds a connection to each URL until it is stopped.
func (w *world) hold(from string, urls ...string) []*traffic {
	w.Helper()
	var held []*traffic
	for _, url := range urls {
		held = append(held, w.send("deploy/"+from, "--url", url, "--hold", "1h"))
	}
	return held
}

// heldFor opens one more connection, and returns when it has been held for a duration.
func (w *world) heldFor(duration string) {
	w.Helper()
	held := w.send("deploy/steady", "--url", "tcp://known:9000", "--hold", duration)
	<-held.done
	w.noFailure("a connection held for "+duration, held.stop())
}

// uncut stops connections, and fails the story if one was cut.
func (w *world) uncut(what string, held []*traffic) {
	w.Helper()
	for _, connection := range held {
		report := connection.stop()
		w.noFailure(report.URL+", "+what, report)
	}
}

// cutOnceAtMost stops connections, and fails the story if one was cut more than once, or could not be made anew at once.
func (w *world) cutOnceAtMost(what string, held []*traffic) {
	w.Helper()
	for _, connection := range held {
		report := connection.stop()
		if cuts := len(report.CutMillis); report.Requests == 0 || cuts > 1 || report.Failed > cuts {
			w.Errorf("%s, %s: cut %d times, %d failures: %v", report.URL, what, cuts, report.Failed, report.Errors)
		}
	}
}

// learnsAndForgets has one service come into the scope of a client, and another one leave it.
func (w *world) learnsAndForgets(client string) {
	w.Helper()
	w.servedBy(w.request("deploy/"+client, "http://late:8080"), "srv/v1")
	w.inScope("deployment/"+client, w.namespace+"/"+w.fqdn("late"))
	w.kubectl("annotate", "deployment/"+client, "lazyxds.io/exclude="+w.namespace+"/"+w.fqdn("excluded"))
	w.eventually("an excluded service to leave the scope", func() error {
		if hosts := w.sidecarHosts("deployment/" + client); slices.Contains(hosts, w.namespace+"/"+w.fqdn("excluded")) {
			return fmt.Errorf("it has %v", hosts)
		}
		return nil
	})
	w.narrow("deployment/" + client)
}

// newAddress makes a ServiceEntry with an address, which every divert rule then has to divert, that of a client among them.
func (w *world) newAddress(client string) {
	w.Helper()
	const address = "198.18.9.9"
	w.apply(entry("new.example.com", address, w.podIP("srv"), `["*"]`))
	w.eventually("the divert rule to divert "+address, func() error {
		if rule := w.kubectl("get", "envoyfilter", "lazyxds-deployment-"+client, "-o", "yaml"); !strings.Contains(rule, address) {
			return fmt.Errorf("it does not have it")
		}
		return nil
	})
}

// foreignComesAndGoes gives a client a Sidecar of the user's for so long that nothing of ours but its WorkloadScope is left.
func (w *world) foreignComesAndGoes(client string) {
	w.Helper()
	w.apply(strings.Replace(workloadSidecar, "app: client", "app: "+client, 1))
	w.yields("deployment/" + client)
	w.gone("envoyfilter.networking.istio.io/lazyxds-deployment-" + client)
	w.kubectl("delete", "sidecar", "by-hand")
	w.becomes("deployment/"+client, "True", "Lazy")
}

// upgrades restarts and upgrades what LazyXDS consists of, in both orders. New values change the listeners of the egress, too.
func (w *world) upgrades() {
	w.Helper()
	w.killController()

	w.upgrade("controller.replicas=2")
	led := w.leader()
	w.kubectl("delete", "-n", led.Namespace, led.Name, "--wait=false")
	w.eventually("another controller to lead", func() error {
		if now := w.leader(); now == led {
			return fmt.Errorf("it is %s", now.Name)
		}
		return nil
	})
	w.upgrade("controller.logLevel=debug")
	w.upgrade("controller.logLevel=debug", "egress.maxConnectionDuration=3s")

	w.upgrade("controller.logLevel=debug", "egress.maxConnectionDuration=4s")
	w.upgrade("egress.maxConnectionDuration=4s")
	w.planned()
}
