package e2e

import (
	"net"
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// The fallback egress is no open relay: its port 15001 is closed to the pod network, and its port 15006 refuses callers
// without a certificate of the mesh.
func TestEgressPorts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("srv", "srv", "http:8080"), outsider())
	w.kubectl("wait", "pod/outsider", "--for=condition=Ready", "--timeout", patience.String())
	w.egressIsClosed("srv")
}

// outsider is a pod without a sidecar, from which anybody may try to get in.
func outsider() string {
	return `
apiVersion: v1
kind: Pod
metadata: {name: outsider, annotations: {sidecar.istio.io/inject: "false"}, labels: {sidecar.istio.io/inject: "false"}}
spec:
  containers: [{name: app, image: lazyxds/shell, command: [sleep, infinity]}]
`
}

// egressIsClosed fails the story if the pod "outsider" gets to a service through the ports of the fallback egress.
func (w *world) egressIsClosed(service string) {
	w.Helper()
	egress := w.kubectl("get", "pods", "-n", "istio-system", "-l", "app=istio-egressgateway-lazyxds", "-o", "jsonpath={.items[0].status.podIP}")
	outsider := cluster.Target{Namespace: w.namespace, Name: "outsider"}
	curl := func(args ...string) (int, string) {
		out, err := w.lab.Exec(w.ctx, outsider, append([]string{"curl", "-sS", "-m", "5"}, args...)...)
		w.must(err)
		return out.Code, out.Stdout + out.Stderr
	}
	const refused = 7
	if code, out := curl("http://" + net.JoinHostPort(egress, "15001") + "/"); code != refused {
		w.Errorf("port 15001: curl exit code %d, want connection refused: %s", code, out)
	}
	for what, scheme := range map[string]string{"in plaintext": "http://", "without a client certificate": "https://"} {
		url := scheme + net.JoinHostPort(egress, "15006") + "/"
		code, out := curl("-k", "--haproxy-protocol", "-w", "status %{http_code}", url, "-H", "Host: "+service+"."+w.namespace)
		if code == 0 || !strings.Contains(out, "status 000") {
			w.Errorf("port 15006 %s: curl exit code %d, want the connection closed without an answer: %s", what, code, out)
		}
	}
}
