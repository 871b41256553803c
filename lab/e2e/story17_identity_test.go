package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/app/load"
)

// Servers that let callers in by name let in those, from their first request on, and nobody else, whatever way it takes.
func TestIdentityAllowed(t *testing.T) {
	t.Parallel()
	far := newWorldIn(t, "identityallowed-far", account("guest", client("guest")))
	w := newWorld(t, guarded("principal"), guarded("namespace"), account("friend", client("friend")), account("stranger", client("stranger")),
		policy("principal", "ALLOW", "principals: [cluster.local/ns/NS/sa/friend]"),
		policy("namespace", "ALLOW", "namespaces: ["+far.namespace+"]"))
	w.lazy("deployment/friend", "deployment/stranger")
	far.lazy("deployment/guest")

	w.letIn("friend", "principal", w.namespace)
	far.letIn("guest", "namespace", w.namespace)
	w.keptOut("stranger", "principal", w.namespace)
	w.keptOut("friend", "namespace", w.namespace)
	far.keptOut("guest", "principal", w.namespace)
	w.notLearned("deployment/friend", "principal")
}

// A caller whom a server denies by name does not get in as the fallback, and those who are not denied lose nothing, neither
// when the rule comes nor when it goes.
func TestIdentityDenied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, guarded("srv"), guarded("late"), account("friend", client("friend")), account("stranger", client("stranger")),
		policy("srv", "DENY", "principals: [cluster.local/ns/NS/sa/stranger]"))
	w.lazy("deployment/friend", "deployment/stranger")
	w.letIn("friend", "srv", w.namespace)
	w.keptOut("stranger", "srv", w.namespace)

	w.apply(policy("late", "ALLOW", "notPrincipals: [cluster.local/ns/NS/sa/stranger]"))
	w.eventually("the rule to be in force, and what it guards in scope", func() error {
		friend, stranger := w.request("deploy/friend", "http://late-twin:81"), w.request("deploy/stranger", "http://late-twin:81")
		if friend.Direct.Requests != 1 || !refused(stranger) {
			return fmt.Errorf("the friend got %v, the stranger %v", friend.Errors, stranger.Errors)
		}
		return nil
	})
	w.letIn("friend", "late", w.namespace)
	w.keptOut("stranger", "late", w.namespace)

	w.kubectl("delete", "authorizationpolicy", "srv")
	w.eventually("the denied caller to be let in", func() error {
		if r := w.request("deploy/stranger", "http://srv:8080"); r.Failed > 0 {
			return fmt.Errorf("it got %v", r.Errors)
		}
		return nil
	})
	w.eventually("our policy to go", func() error {
		if names := w.kubectl("get", "authorizationpolicies", "-o", "name"); strings.Contains(names, "lazyxds-refuse-srv") {
			return fmt.Errorf("there are %s", names)
		}
		return nil
	})
	w.noFailure("request after it went", w.request("deploy/stranger", "http://srv:8080"))
	w.noFailure("request after it went", w.request("deploy/friend", "http://srv-twin:8080"))
}

// letIn fails the story unless a client's requests to a guarded server arrive, and as its own, whatever the service is called.
func (w *world) letIn(client, server, namespace string) {
	w.Helper()
	for _, url := range ways(server, namespace) {
		r := w.request("deploy/"+client, url)
		w.noFailure(client+" to "+url, r)
		if r.Peers[w.identity(client)] != r.Requests {
			w.Errorf("%s to %s: the server saw %v", client, url, r.Peers)
		}
	}
}

// keptOut fails the story if a client gets into a guarded server by any way, or is refused by anybody but the server.
func (w *world) keptOut(client, server, namespace string) {
	w.Helper()
	pod := w.kubectl("get", "pods", "-n", namespace, "-l", "app="+server, "-o", "jsonpath={.items[0].status.podIP}")
	for _, url := range ways(server, namespace) {
		for range 2 {
			if r := w.request("deploy/"+client, url); !refused(r) {
				w.Errorf("%s to %s: got %v, the server saw %v", client, url, r.Errors, r.Peers)
			}
		}
	}
	for _, url := range []string{"http://" + pod + ":8080", "tcp://" + pod + ":9000"} {
		if r := w.request("deploy/"+client, url); r.Failed != 1 {
			w.Errorf("%s to %s: got in, the server saw %v", client, url, r.Peers)
		}
	}
	for _, name := range []string{server, server + "-twin"} {
		url := fmt.Sprintf("tcp://%s.%s:9000", name, namespace)
		if r := w.request("deploy/"+client, url); r.Failed != 1 {
			w.Errorf("%s to %s: got in, the server saw %v", client, url, r.Peers)
		}
	}
}

// refused tells whether the server's own sidecar refused the one request of a report.
func refused(r load.Report) bool {
	return r.Failed == 1 && r.Errors["status 403: RBAC: access denied"] == 1
}

func (w *world) notLearned(workload, service string) {
	w.Helper()
	if d := w.observed(workload, w.fqdn(service)); d != nil {
		w.Errorf("%s was seen at the fallback since %s", service, d.FirstSeen)
	}
	if hosts := w.sidecarHosts(workload); !slices.Contains(hosts, w.namespace+"/"+w.fqdn(service)) {
		w.Errorf("%s is not in scope: %v", service, hosts)
	}
}

// ways are the addresses of a guarded server that differ in name, Service and port.
func ways(server, namespace string) []string {
	return []string{
		fmt.Sprintf("http://%s.%s:8080", server, namespace),
		fmt.Sprintf("http://%s.%s.svc.cluster.local:8080", server, namespace),
		fmt.Sprintf("http://%s-twin.%s:8080", server, namespace),
		fmt.Sprintf("http://%s-twin.%s:81", server, namespace),
	}
}

// guarded is a server with two Services.
func guarded(name string) string {
	return docs(echo(name, "v1"), service(name, name, "http:8080", "tcp:9000"), service(name+"-twin", name, "http:8080", "http-b:81:8080", "tcp:9000"))
}

// account gives the pods of a workload a ServiceAccount of their own.
func account(name, workload string) string {
	return docs("apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: "+name+"}",
		strings.Replace(workload, "    spec:\n", "    spec:\n      serviceAccountName: "+name+"\n", 1))
}

// policy is an AuthorizationPolicy for the pods of an app, with one rule about where requests come from.
func policy(app, action, source string) string {
	return fmt.Sprintf(`
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: %s}
spec:
  selector: {matchLabels: {app: %s}}
  action: %s
  rules: [{from: [{source: {%s}}]}]
`, app, app, action, source)
}
