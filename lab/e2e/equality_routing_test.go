package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// What VirtualServices and DestinationRules say holds for the first request as it holds in full scope.
func TestEqualRouting(t *testing.T) {
	t.Parallel()
	far := newWorldIn(t, "equalrouting-far", echo("srv", "v1"), echo("srv", "v2"),
		versions("own", "srv"), versions("third", "srv"))
	rules := newWorldIn(t, "equalrouting-rules")
	w := newEqualWorld(t, echo("srv", "v1"), echo("srv", "v2"), echo("shadow", "v1"),
		versions("header", "srv"), routes("header",
			`{match: [{headers: {end-user: {exact: jason}}}], route: [{destination: {host: header, subset: v2}}]}`,
			`{route: [{destination: {host: header, subset: v1}}]}`),
		versions("path", "srv"), routes("path",
			`{match: [{uri: {prefix: /two}, method: {exact: GET}}], route: [{destination: {host: path, subset: v2}}]}`,
			`{match: [{queryParams: {v: {exact: "2"}}}], route: [{destination: {host: path, subset: v2}}]}`,
			`{route: [{destination: {host: path, subset: v1}}]}`),
		versions("source", "srv"), routes("source",
			`{match: [{sourceLabels: {app: nobody}}], route: [{destination: {host: source, subset: v2}}]}`,
			`{route: [{destination: {host: source, subset: v1}}]}`),
		versions("weight", "srv"), routes("weight",
			`{route: [{weight: 75, destination: {host: weight, subset: v1}}, {weight: 25, destination: {host: weight, subset: v2}}]}`),
		versions("rewrite", "srv"), routes("rewrite",
			`{match: [{uri: {prefix: /old/}}], rewrite: {uri: /new/, authority: new.example.com}, route: [{destination: {host: rewrite, subset: v1}}]}`),
		versions("headers", "srv"), routes("headers",
			`{headers: {request: {set: {x-set: "1"}, remove: [x-mine]}, response: {add: {x-added: "2"}}}, route: [{destination: {host: headers, subset: v1}}]}`),
		service("redirect", "srv", "http:8080"), routes("redirect", `{redirect: {uri: /there, authority: elsewhere.example.com, redirectCode: 308}}`),
		service("direct", "srv", "http:8080"), routes("direct", `{directResponse: {status: 418, body: {string: short and stout}}}`),
		versions("mirror", "srv"), routes("mirror",
			`{route: [{destination: {host: mirror, subset: v1}}], mirror: {host: shadow}, mirrorPercentage: {value: 100}}`),
		service("shadow", "shadow", "http:8080"),
		service("retries", "shadow", "http:8080"), routes("retries",
			`{route: [{destination: {host: retries}}], retries: {attempts: 3, retryOn: 5xx, backoff: 10ms}}`),
		service("retried", "shadow", "http:8080"),
		service("timeout", "srv", "http:8080"), routes("timeout", `{route: [{destination: {host: timeout}}], timeout: 0.5s}`),
		service("abort", "srv", "http:8080"), routes("abort",
			`{fault: {abort: {percentage: {value: 100}, httpStatus: 429}}, route: [{destination: {host: abort}}]}`),
		versions("delay", "srv"), routes("delay",
			`{fault: {delay: {percentage: {value: 100}, fixedDelay: 2s}}, route: [{destination: {host: delay, subset: v1}}]}`),
		versions("cors", "srv"), routes("cors", `{corsPolicy: {allowOrigins: [{exact: "http://example.com"}], allowMethods: [GET, PUT],
			allowHeaders: [x-mine], maxAge: 1h}, route: [{destination: {host: cors, subset: v1}}]}`),
		versions("several-a", "srv"), versions("several-b", "srv"), `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: several}
spec:
  hosts: [several-a, several-b]
  http: [{route: [{destination: {host: several-a, subset: v2}}]}]
`,
		service("hash", "srv", "http:8080"), trafficPolicy("hash", `{loadBalancer: {consistentHash: {httpHeaderName: x-user}}}`),
		versions("pool", "srv"), routes("pool", `{route: [{destination: {host: pool, subset: v1}}]}`),
		versions("delegated", "srv"), `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: delegated}
spec:
  hosts: [delegated]
  http: [{match: [{uri: {prefix: /}}], delegate: {name: delegate, namespace: equalrouting-rules}}]
`,
		routes("own.equalrouting-far.svc.cluster.local", `{route: [{destination: {host: own.equalrouting-far.svc.cluster.local, subset: v2}}]}`))
	rules.apply(fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: delegate}
spec:
  http: [{route: [{destination: {host: %s, subset: v2}}]}]
`, w.fqdn("delegated")),
		routes(far.fqdn("third"), `{route: [{destination: {host: `+far.fqdn("third")+`, subset: v2}}]}`))
	w.apply(trafficPolicy("pool", `{connectionPool: {tcp: {maxConnections: 5}, http: {http1MaxPendingRequests: 5, maxRequestsPerConnection: 1}},
		outlierDetection: {consecutive5xxErrors: 3, interval: 5m, baseEjectionTime: 15m}}`))
	const get = `curl -sSi -m 10 `
	w.equalities([]equal{
		{name: "header", script: get + `-H 'end-user: jason' http://header:8080 && ` + get + `http://header:8080`, want: `"v2"`},
		{name: "path", script: get + `http://path:8080/two && ` + get + `'http://path:8080/?v=2' && ` + get + `-d x http://path:8080/two`, want: `"v2"`},
		{name: "source", script: get + `http://source:8080`, want: `"v1"`},
		{name: "weight", want: "about a quarter", script: `n=$(for i in $(seq 80); do curl -sS -m 10 http://weight:8080/; done | grep -c '"version": "v2"');
			test $n -ge 6 -a $n -le 38 && echo about a quarter || echo $n of 80`},
		{name: "rewrite", script: get + `http://rewrite:8080/old/x`, want: `"/new/x"`},
		{name: "headers", script: get + `-H 'X-Mine: 1' http://headers:8080`, want: `x-added: 2`},
		{name: "redirect", script: get + `http://redirect:8080/here`, want: `elsewhere.example.com/there`},
		{name: "direct", script: get + `http://direct:8080`, want: `short and stout`},
		{name: "mirror", script: get + `http://mirror:8080 && sleep 0.5`, want: `1 requests reached shadow-v1`, counted: "shadow-v1"},
		{name: "retries", script: get + `'http://retries:8080/?status=503'`, want: `4 requests reached shadow-v1`, counted: "shadow-v1"},
		{name: "retried", script: get + `'http://retried:8080/?reset=1'`, want: `requests reached shadow-v1`, counted: "shadow-v1"},
		{name: "timeout", script: get + `'http://timeout:8080/?delay=3s'`, want: `504`},
		{name: "abort", script: get + `http://abort:8080`, want: `429`},
		{name: "delay", script: `curl -sS -m 10 -w 'after %{time_total}' http://delay:8080 | sed 's/after 2[.].*/after 2 s/'`, want: `after 2 s`},
		{name: "cors", want: "access-control-allow-origin", script: `for method in OPTIONS GET; do for origin in example.com bad.example.com; do
			curl -sSi -m 10 -X $method -H "Origin: http://$origin" -H 'Access-Control-Request-Method: PUT' http://cors:8080/; done; done`},
		{name: "several-b", script: get + `http://several-b:8080`, want: `"v2"`},
		{name: "hash", want: `"version"`, script: `for user in a b c d e f g h; do curl -sS -m 10 -H "X-User: $user" http://hash:8080/ |
			grep -E '"(version|peer)"'; done`},
		{name: "pool", script: `for i in 1 2 3 4; do ` + get + `'http://pool:8080/?status=500'; done; ` + get + `http://pool:8080`, want: `"v1"`},
		{name: "delegated", script: get + `http://delegated:8080`, want: `"v2"`},
		{name: "third", in: far.namespace, script: get + `http://third.equalrouting-far:8080`, want: `"v2"`},
		{name: "own", in: far.namespace, script: get + `http://own.equalrouting-far:8080`, want: `"v2"`, fromStart: true},
	})
}

// versions is a Service of a server with a DestinationRule that tells v1 from v2.
func versions(name, app string) string {
	return docs(service(name, app, "http:8080"), strings.ReplaceAll(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: NAME}
spec:
  host: NAME
  subsets: [{name: v1, labels: {version: v1}}, {name: v2, labels: {version: v2}}]
`, "NAME", name))
}

// trafficPolicy adds a traffic policy to the DestinationRule of a Service, which it may be the whole of.
func trafficPolicy(host, policy string) string {
	return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: %s-policy}
spec: {host: %[1]s, trafficPolicy: %s}
`, host, policy)
}

// routes is a VirtualService for a host with HTTP routes, written as YAML flow mappings.
func routes(host string, http ...string) string {
	return fmt.Sprintf(`
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: %s}
spec:
  hosts: [%[1]s]
  http: [%s]
`, host, strings.Join(http, ", "))
}
