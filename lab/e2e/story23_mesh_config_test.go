package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
)

// What the mesh's configuration says of all workloads holds for lazy ones: which destinations are let out, by MeshConfig and by the
// Sidecar of the root namespace, with what else that Sidecar says; which namespaces istiod knows; and what is exported by default.
// The story changes the whole mesh, so it runs by itself.
func TestMeshConfiguration(t *testing.T) {
	far := newWorldIn(t, "meshconfiguration-far", echo("srv", "v1"), plain("external"), client("stranger"), service("late", "srv", "http:8080"),
		strings.Replace(service("public", "srv", "http:8080"), "metadata: {", `metadata: {annotations: {networking.istio.io/exportTo: "*"}, `, 1))
	w := newEqualWorld(t, echo("srv", "v1"), service("any", "srv", "http:8080"), service("registry", "srv", "http:8080"),
		service("root", "srv", "http:8080"), service("ingress", "srv", "http:8085"), service("own", "srv", "http:8080"))
	w.lazy("deployment/srv-v1")
	external := far.podIP("external")

	t.Run("ALLOW_ANY", func(t *testing.T) { w.sub(t).letsOut("any", external, true) })

	t.Run("REGISTRY_ONLY", func(t *testing.T) {
		w := w.sub(t)
		w.meshConfig("outboundTrafficPolicy: {mode: REGISTRY_ONLY}")
		w.letsOut("registry", external, false)
	})

	t.Run("REGISTRY_ONLY by the root namespace's Sidecar", func(t *testing.T) {
		w := w.sub(t)
		w.reaches(external, true) // MeshConfig has no say any more
		defer w.rootSidecar()()
		w.becomes("deployment/client", "False", "EgressPolicyDiffers")
		w.must(w.lab.Install(w.ctx, os.Stderr, "--set", "egress.outboundTrafficPolicy=REGISTRY_ONLY"))
		w.becomes("deployment/client", "True", "Lazy")
		w.becomes("deployment/srv-v1", "True", "Lazy")
		w.letsOut("root", external, false)

		w.equality(equal{name: "ingress", script: `curl -sSi -m 10 http://ingress:8085`, want: `"srv"`})
		limits := w.exec("deploy/srv-v1", "curl", "-sS", "-m", "5", "http://127.0.0.1:15000/clusters")
		if !strings.Contains(limits, "inbound|8085||::default_priority::max_connections::77") {
			w.Errorf("the connection pool of the root namespace's Sidecar does not hold for a lazy server:\n%s", limits)
		}
	})

	t.Run("discoverySelectors", func(t *testing.T) {
		w := w.sub(t)
		w.meshConfig("discoverySelectors: [{matchExpressions: [{key: lab.lazyxds.io/hidden, operator: DoesNotExist}]}]")
		far := far.sub(t)
		far.lazy("deployment/stranger")
		far.kubectl("label", "namespace", far.namespace, "lab.lazyxds.io/hidden=yes")
		far.becomes("deployment/stranger", "False", "NamespaceUndiscovered")
		w.without("control", far.fqdn("late"))
		w.equality(equal{name: "late", script: `curl -sSi -m 10 http://` + far.fqdn("late") + `:8080`, want: "503 ", fromStart: true})
		if hosts := strings.Join(w.sidecarHosts("deployment/client"), " "); strings.Contains(hosts, far.namespace) {
			w.Errorf("a namespace that istiod does not know is in scope: %s", hosts)
		}
		far.kubectl("label", "namespace", far.namespace, "lab.lazyxds.io/hidden-")
		far.becomes("deployment/stranger", "True", "Lazy")
		w.settled(far.fqdn("late"))
		w.equality(equal{name: "late", in: far.namespace, script: `curl -sSi -m 10 http://` + far.fqdn("late") + `:8080`, want: `"srv"`})
	})

	t.Run("nothing is exported by default", func(t *testing.T) {
		w := w.sub(t)
		w.meshConfig("defaultServiceExportTo: [.]\ndefaultVirtualServiceExportTo: [.]\ndefaultDestinationRuleExportTo: [.]")
		w.without("control", far.fqdn("late"))
		const get = `curl -sSi -m 10 `
		w.eventually("what the egress does not see any more to be in scope", func() error {
			if out := w.attempt("client", get+`http://own:8080`, ""); !strings.Contains(out, `"srv"`) {
				return errors.New(out)
			}
			return nil
		})
		w.equality(equal{name: "own", script: get + `http://own:8080`, want: `"srv"`, fromStart: true})
		w.equality(equal{name: "late", script: get + `http://` + far.fqdn("late") + `:8080`, want: "503 ", fromStart: true})
		w.equality(equal{name: "public", in: far.namespace, script: get + `http://` + far.fqdn("public") + `:8080`, want: `"srv"`})
	})
}

// letsOut checks which calls leave the mesh, after a first call to a service: those to hosts that nobody has, or that have no name
// at all, on ports with and without services.
func (w *world) letsOut(service, external string, open bool) {
	w.Helper()
	w.reaches(external, open)
	want := func(answer, refusal string) string {
		if open {
			return answer
		}
		return refusal
	}
	const get = `curl -sSi -m 10 `
	w.equality(equal{name: service, script: get + `http://` + service + `:8080`, want: `"srv"`})
	for _, c := range []equal{
		{name: "an unknown host on a service's port", script: get + `-H 'Host: unknown.example.com' http://` + external + `:8080`, want: want(`"external"`, "502 ")},
		{name: "an unknown host at a service's address", script: get + `-H 'Host: unknown.example.com' http://` + service + `:8080`, want: want("503 ", "502 ")},
		{name: "an address on a port without services", script: `{ echo ping; sleep 0.5; } | nc -N -w 5 ` + external + ` 9000`, want: want("external: ping", "exit code")},
		{name: "TLS to an unknown host", script: get + `-k --resolve unknown.example.com:8443:` + external + ` https://unknown.example.com:8443`, want: want(`"external"`, "exit code 35")},
	} {
		c.fromStart = true
		w.equality(c)
	}
}

// reaches waits until an external address can be called, or cannot, in full scope and lazily.
func (w *world) reaches(external string, open bool) {
	w.Helper()
	for _, from := range []string{"control", "client"} {
		w.eventually("the policy to hold for "+from, func() error {
			if out := w.attempt(from, "curl -sk -m 10 https://"+external+":8443", ""); strings.Contains(out, `"external"`) != open {
				return fmt.Errorf("https://%s: %s", external, out)
			}
			return nil
		})
	}
}

// without waits until a Deployment's sidecar has no cluster for a host.
func (w *world) without(from, host string) {
	w.Helper()
	w.eventually(from+" to be without "+host, func() error {
		if clusters := w.exec("deploy/"+from, "curl", "-sS", "-m", "5", "http://127.0.0.1:15000/clusters"); strings.Contains(clusters, "||"+host) {
			return fmt.Errorf("it has it")
		}
		return nil
	})
}

// meshConfig adds to Istio's mesh configuration, in YAML, until the test ends.
func (w *world) meshConfig(addition string) {
	w.Helper()
	before := w.kubectl("get", "-n", "istio-system", "configmap", "istio", "-o", "jsonpath={.data.mesh}")
	set := func(text string) {
		patch, err := json.Marshal(map[string]any{"data": map[string]string{"mesh": text}})
		w.must(err)
		_, err = w.lab.Kubectl(context.Background(), "", "patch", "-n", "istio-system", "configmap", "istio", "--type=merge", "-p", string(patch))
		w.must(err)
	}
	w.Cleanup(func() { set(before) })
	set(before + "\n" + addition)
}

// rootSidecar makes the root namespace's Sidecar, which is every workload's that has none. The returned function deletes it, and
// has the egress follow.
func (w *world) rootSidecar() func() {
	w.Helper()
	w.must(w.lab.Apply(w.ctx, `
apiVersion: networking.istio.io/v1
kind: Sidecar
metadata: {name: default, namespace: istio-system}
spec:
  egress: [{hosts: ["*/*"]}]
  outboundTrafficPolicy: {mode: REGISTRY_ONLY}
  ingress: [{port: {number: 8085, protocol: HTTP, name: http}, defaultEndpoint: 127.0.0.1:8080}]
  inboundConnectionPool: {tcp: {maxConnections: 77}}
`))
	return func() {
		w.kubectl("delete", "-n", "istio-system", "sidecar", "default")
		w.becomes("deployment/client", "False", "EgressPolicyDiffers")
		w.must(w.lab.Install(w.ctx, os.Stderr))
		w.becomes("deployment/client", "True", "Lazy")
	}
}
