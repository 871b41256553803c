package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Workloads leave under load, one by annotation, then all with their namespace, and are back in full scope without a
// failed request and, once connections on the fallback had their time, without anything of ours left; then the whole
// installation goes, under load, and comes back. Connections to services in scope outlive it.
func TestWayOut(t *testing.T) {
	w := newWorld(t, echo("srv", "v1"), service("srv", "srv", "http:8080", "grpc:7070", "tcp:9000"), client("client"), client("leaver"), client("control"),
		policy("nothing", "DENY", "namespaces: [NS]"))
	w.must(w.lab.Install(w.ctx, os.Stderr, "--set", "egress.drainDuration=10s"))
	w.annotate("deployment/control", "false")
	w.lazy("deployment/client", "deployment/leaver")
	load := w.send("deploy/client", "--url", "http://srv:8080", "--rps", "20", "--duration", "0")
	fresh := w.send("deploy/leaver", "--url", "http://srv:8080", "--rps", "5", "--duration", "0", "--keepalive=false")

	w.annotate("deployment/leaver", "false")
	w.gone("deployment-leaver")
	w.fullScope("deployment/leaver")
	w.becomes("deployment/client", "True", "Lazy")

	w.enrol("")
	w.gone("")
	w.fullScope("deployment/client")

	w.enrol("true")
	w.becomes("deployment/client", "True", "Lazy")
	w.inScope("deployment/client", w.namespace+"/"+w.fqdn("srv"))
	w.narrow("deployment/client")
	held := w.hold("client", "ws://srv:8080/ws", "grpc://srv:7070", "tcp://srv:9000")
	w.must(w.lab.Uninstall(w.ctx))
	w.noFailure("load on kept connections", load.stop())
	w.noFailure("load on fresh connections", fresh.stop())
	w.fullScope("deployment/client")
	w.drained("deployment/client")
	w.uncut("in scope", held)
	if left := w.installed(); left != "" {
		t.Errorf("the uninstallation left:\n%s", left)
	}

	w.enrol("")
	w.must(w.lab.Install(w.ctx, os.Stderr))
}

// gone waits until nothing of ours is left in the namespace whose name contains part.
func (w *world) gone(part string) {
	w.Helper()
	w.eventually("our objects to go", func() error {
		for _, name := range w.ours() {
			if strings.Contains(name, part) {
				return fmt.Errorf("%s is still there", name)
			}
		}
		return nil
	})
}

// fullScope waits until a workload's sidecar knows as many services as that of "control", which never was lazy.
func (w *world) fullScope(workload string) {
	w.Helper()
	w.eventually(workload+" to be in full scope", func() error {
		if now, full := w.measure(workload).Services, w.measure("deployment/control").Services; now != full {
			return fmt.Errorf("%d services, a workload that was never lazy has %d", now, full)
		}
		return nil
	})
}

// installed lists what there is of LazyXDS in the whole mesh, one name a line.
func (w *world) installed() string {
	w.Helper()
	const kinds = "deploy,svc,sa,cm,pdb,job,lease,role,rolebinding,clusterrole,clusterrolebinding,crd,sidecar,envoyfilter,destinationrule,authorizationpolicy"
	var left []string
	for _, line := range strings.Split(w.kubectl("get", kinds, "-A", "-o", `jsonpath={range .items[*]}{.kind}/{.metadata.namespace}/{.metadata.name}{"\n"}{end}`), "\n") {
		if strings.Contains(line, "lazyxds") {
			left = append(left, line)
		}
	}
	return strings.Join(left, "\n")
}
