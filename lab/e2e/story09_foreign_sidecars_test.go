package e2e

import (
	"fmt"
	"testing"
)

const workloadSidecar = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: by-hand}
spec:
  workloadSelector: {labels: {app: client}}
  egress: [{hosts: ["./*", "istio-system/*"]}]
`

const namespaceSidecar = `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default}
spec:
  egress: [{hosts: ["./*", "istio-system/*"]}]
`

// Users come first: where a Sidecar of theirs selects a lazy workload, or its namespace, it is left as it is and ours
// yields, without failing a request; when theirs goes, ours comes back.
func TestForeignSidecar(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("srv", "srv", "http:8080"), client("client"), client("other"))
	w.lazy("deployment/client", "deployment/other")
	load := w.send("deploy/client", "--url", "http://srv:8080", "--rps", "20", "--duration", "0")

	w.apply(workloadSidecar)
	theirs := w.kubectl("get", "sidecar", "by-hand", "-o", "jsonpath={.metadata.resourceVersion}")
	w.yields("deployment/client")
	w.becomes("deployment/other", "True", "Lazy")
	w.kubectl("delete", "sidecar", "by-hand")
	w.becomes("deployment/client", "True", "Lazy")

	w.apply(namespaceSidecar)
	w.yields("deployment/client")
	w.yields("deployment/other")
	w.kubectl("delete", "sidecar", "default")
	w.becomes("deployment/client", "True", "Lazy")

	w.noFailure("load while Sidecars came and went", load.stop())
	if theirs == "" {
		t.Error("the user's Sidecar had no version")
	}
}

// yields waits until a workload has no Sidecar of ours, because of the user's.
func (w *world) yields(workload string) {
	w.Helper()
	w.widened(workload, "ForeignSidecar")
}

// widened waits until a workload has no Sidecar of ours and its scope says why.
func (w *world) widened(workload, reason string) {
	w.Helper()
	w.becomes(workload, "False", reason)
	w.eventually("our Sidecar of "+workload+" to go", func() error {
		if hosts := w.sidecarHosts(workload); len(hosts) > 0 {
			return fmt.Errorf("it still has %v", hosts)
		}
		return nil
	})
}
