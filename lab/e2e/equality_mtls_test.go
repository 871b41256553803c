package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Whatever mTLS servers ask for, in a whole namespace, for a workload or for one port, with a DestinationRule that agrees or does not and
// without one, lazy callers get the answers that full scope gives. So they do from servers without mTLS, which know no
// names, and whose policies speak of some.
func TestEqualMutualTLS(t *testing.T) {
	t.Parallel()
	far := newWorldIn(t, "equalmutualtls-far", mutualTLS("default", "", "PERMISSIVE"), mutualTLS("srv", "srv", "STRICT"), mutualTLS("open", "open", "DISABLE"),
		echo("srv", "v1"), echo("open", "v1"), echo("lenient", "v1"), service("far-lenient", "lenient", "http:8080", "tcp:9000"),
		service("far-strict", "srv", "http:8080", "tcp:9000"), service("far-open", "open", "http:8080", "tcp:9000"))
	w := newEqualWorld(t, mutualTLS("open", "open", "DISABLE"), mutualTLS("lenient", "lenient", "PERMISSIVE"),
		mutualTLS("ports", "ports", "STRICT", "8080: {mode: DISABLE}", "9000: {mode: PERMISSIVE}"), mutualTLS("guarded", "guarded", "DISABLE"),
		echo("srv", "v1"), echo("open", "v1"), echo("lenient", "v1"), echo("ports", "v1"), echo("guarded", "v1"),
		service("strict", "srv", "http:8080", "tcp:9000"), service("open", "open", "http:8080", "tcp:9000"),
		service("lenient", "lenient", "http:8080", "tcp:9000"), service("ports", "ports", "http:8080", "tcp:9000", "grpc:7070"),
		ruled("strict-mutual", "srv", "ISTIO_MUTUAL"), ruled("strict-plain", "srv", "DISABLE"),
		ruled("open-mutual", "open", "ISTIO_MUTUAL"), ruled("open-plain", "open", "DISABLE"),
		ruled("lenient-mutual", "lenient", "ISTIO_MUTUAL"), ruled("lenient-plain", "lenient", "DISABLE"),
		service("guarded", "guarded", "http:8080"),
		authorization("guarded", "action: ALLOW", `{to: [{operation: {paths: [/open, /denied]}}]}`,
			`{from: [{source: {principals: [cluster.local/ns/NS/sa/default]}}], to: [{operation: {paths: [/named]}}]}`,
			`{from: [{source: {notPrincipals: [cluster.local/ns/NS/sa/default]}}], to: [{operation: {paths: [/unnamed]}}]}`),
		strings.Replace(authorization("guarded", "action: DENY", `{from: [{source: {principals: [cluster.local/ns/NS/sa/default]}}], to: [{operation: {paths: [/denied]}}]}`),
			"name: guarded", "name: guarded-deny", 1))
	w.enforced("guarded:8080/else")

	both := func(host string) string {
		return fmt.Sprintf("curl -sSi -m 10 http://%s:8080; { echo ping; sleep 0.5; } | nc -N -w 5 %[1]s 9000", host)
	}
	http := func(host string) string { return "curl -sSi -m 10 http://" + host + ":8080" }
	w.equalities([]equal{
		{name: "strict", script: both("strict"), want: w.identity("default")},
		{name: "open", script: both("open"), want: "open: ping"},
		{name: "lenient", script: both("lenient"), want: w.identity("default")},
		{name: "ports", script: both("ports"), want: "ports: ping"},
		{name: "far-strict", in: far.namespace, script: both("far-strict." + far.namespace), want: w.identity("default")},
		{name: "far-lenient", in: far.namespace, script: both("far-lenient." + far.namespace), want: w.identity("default")},
		{name: "far-open", in: far.namespace, script: both("far-open." + far.namespace), want: "open: ping"},
		{name: "strict-mutual", script: both("strict-mutual"), want: w.identity("default")},
		{name: "strict-plain", script: http("strict-plain"), want: "503 Service Unavailable"},
		{name: "open-mutual", script: http("open-mutual"), want: "503 Service Unavailable"},
		{name: "open-plain", script: both("open-plain"), want: "open: ping"},
		{name: "lenient-mutual", script: both("lenient-mutual"), want: w.identity("default")},
		{name: "lenient-plain", script: both("lenient-plain"), want: "lenient: ping"},
		{name: "guarded", fromStart: true, script: visits("guarded", "/open", "/named", "/unnamed", "/denied", "/else"), want: "200 403 200 200 403"},
	})
}

// mutualTLS is a PeerAuthentication for the pods of an app, or for the namespace, with ports that differ.
func mutualTLS(name, app, mode string, ports ...string) string {
	selector := ""
	if app != "" {
		selector = "selector: {matchLabels: {app: " + app + "}}, "
	}
	if len(ports) > 0 {
		selector += "portLevelMtls: {" + strings.Join(ports, ", ") + "}, "
	}
	return fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: PeerAuthentication\nmetadata: {name: %s}\nspec: {%smtls: {mode: %s}}\n", name, selector, mode)
}

// ruled is a Service with a DestinationRule that says how clients do TLS.
func ruled(name, app, mode string) string {
	return docs(service(name, app, "http:8080", "tcp:9000"), fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s}
spec: {host: %[1]s, trafficPolicy: {tls: {mode: %s}}}
`, name, mode))
}
