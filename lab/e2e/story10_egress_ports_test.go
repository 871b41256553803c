package e2e

import (
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// The fallback egress is no open relay: its port 15001 is closed to the pod network, and its port 8080 refuses callers
// without a certificate of the mesh.
func TestEgressPorts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("srv", "srv", "http:8080"), `
apiVersion: v1
kind: Pod
metadata: {name: outsider, annotations: {sidecar.istio.io/inject: "false"}, labels: {sidecar.istio.io/inject: "false"}}
spec:
  containers: [{name: app, image: lazyxds/shell, command: [sleep, infinity]}]
`)
	w.kubectl("wait", "pod/outsider", "--for=condition=Ready", "--timeout", patience.String())
	egress := w.kubectl("get", "pods", "-n", "istio-system", "-l", "app=istio-egressgateway-lazyxds", "-o", "jsonpath={.items[0].status.podIP}")
	outsider := cluster.Target{Namespace: w.namespace, Name: "outsider"}

	curl := func(args ...string) (int, string) {
		out, err := mesh.Exec(w.ctx, outsider, append([]string{"curl", "-sS", "-m", "5"}, args...)...)
		w.must(err)
		return out.Code, out.Stdout + out.Stderr
	}
	const refused = 7
	if code, out := curl("http://" + egress + ":15001/"); code != refused {
		t.Errorf("port 15001: curl exit code %d, want connection refused: %s", code, out)
	}
	for what, url := range map[string]string{"in plaintext": "http://", "without a client certificate": "https://"} {
		code, out := curl("-k", "--haproxy-protocol", "-w", "status %{http_code}", url+egress+":8080/", "-H", "Host: srv."+w.namespace)
		if code == 0 || !strings.Contains(out, "status 000") {
			t.Errorf("port 8080 %s: curl exit code %d, want the connection closed without an answer: %s", what, code, out)
		}
	}
}
