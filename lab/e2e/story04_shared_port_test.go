package e2e

import (
	"strings"
	"testing"
)

// A lazy workload knows one service on a port number; another one on the same number, of the same or another protocol, is
// reached all the same, and so is the one it knows.
func TestSharedPort(t *testing.T) {
	t.Parallel()
	other := newWorldIn(t, "sharedport-other", echo("srv", "v1"),
		service("http-b", "srv", "http:8080"),
		service("tcp-b", "srv", "tcp:8080:9000"),
		service("greet-b", "srv", "tcp:8080:9001"),
		service("tls-b", "srv", "tls:443:8443"))
	w := newWorld(t, echo("srv", "v1"), client("client"), service("http-a", "srv", "http:8080"), `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: external}
spec:
  hosts: [external.example.com]
  location: MESH_EXTERNAL
  resolution: STATIC
  exportTo: ["."]
  ports: [{number: 443, name: tls, protocol: TLS}]
  endpoints: [{address: 198.51.100.1}]
`)
	w.lazy("deployment/client")
	far := func(name string) string { return name + "." + other.namespace }
	w.firstRequest("http-a", "http://http-a:8080", "srv/v1")

	t.Run("HTTP beside HTTP", func(t *testing.T) {
		w := w.sub(t)
		w.servedBy(w.request("deploy/client", "http://"+far("http-b")+":8080"), "srv/v1")
		w.inScope("deployment/client", other.namespace+"/"+other.fqdn("http-b"))
	})
	t.Run("TCP beside HTTP, the client speaks first", func(t *testing.T) {
		w := w.sub(t)
		w.noFailure("connection", w.request("deploy/client", "tcp://"+far("tcp-b")+":8080"))
	})
	t.Run("TCP beside HTTP, the server speaks first", func(t *testing.T) {
		w := w.sub(t)
		w.noFailure("connection", w.request("deploy/client", "tcp://"+far("greet-b")+":8080", "--server-first"))
	})
	t.Run("TLS beside a TLS ServiceEntry", func(t *testing.T) {
		w := w.sub(t)
		for range 2 {
			body := w.exec("deploy/client", "curl", "-sS", "-k", "-m", "5", "https://"+far("tls-b")+"/")
			if !strings.Contains(body, `"srv"`) {
				t.Errorf("answer %s", body)
			}
			w.inScope("deployment/client", other.namespace+"/"+other.fqdn("tls-b"))
		}
	})
	w.servedBy(w.request("deploy/client", "http://http-a:8080"), "srv/v1")
}
