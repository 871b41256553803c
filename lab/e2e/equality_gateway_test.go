package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// Routes of the Gateway API that are attached to services hold for the first request as they hold in full scope: those that came
// with the service, and those that callers made in their own namespace. One for callers in the egress's namespace holds for nobody else.
func TestEqualGatewayRoutes(t *testing.T) {
	t.Parallel()
	system := &world{T: t, ctx: t.Context(), lab: mesh, namespace: cluster.SystemNamespace}
	system.apply(httpRoute("equal", "name: system, namespace: equalgatewayroutes", answersBy("system consumer", "lazyxds")))
	t.Cleanup(func() {
		_, _ = mesh.Kubectl(context.Background(), "", "-n", system.namespace, "delete", "httproute", "equal")
	})
	far := newWorldIn(t, "equalgateway-far", echo("far", "v1"),
		service("granted", "far", "http:8080"), service("ungranted", "far", "http:8080"), `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: granted}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: equalgatewayroutes}]
  to: [{group: "", kind: Service, name: granted}]
`,
		service("theirs", "far", "http:8080"), httpRoute("theirs", "name: theirs", answersBy("producer", "theirs")),
		service("ours", "far", "http:8080"), service("both", "far", "http:8080"),
		httpRoute("both", "name: both", answersBy("producer", "both")),
		httpRoute("elsewhere", "name: others, namespace: equalgatewayroutes", answersBy("far consumer", "granted")))
	w := newEqualWorld(t, echo("srv", "v1"), echo("srv", "v2"), echo("shadow", "v1"),
		service("v1", "srv, version: v1", "http:8080", "grpc:7070"), service("v2", "srv, version: v2", "http:8080", "grpc:7070"),
		service("shadow", "shadow", "http:8080"),
		service("match", "srv", "http:8080"), httpRoute("match", "name: match",
			`{matches: [{headers: [{name: end-user, value: jason}]}, {path: {type: Exact, value: /two}, method: GET},
				{queryParams: [{name: v, value: "2"}]}], backendRefs: [{name: v2, port: 8080}]}`,
			`{backendRefs: [{name: v1, port: 8080}]}`),
		service("weight", "srv", "http:8080"), httpRoute("weight", "name: weight",
			`{backendRefs: [{name: v1, port: 8080, weight: 75}, {name: v2, port: 8080, weight: 25}]}`),
		service("rewrite", "srv", "http:8080"), httpRoute("rewrite", "name: rewrite",
			`{matches: [{path: {type: PathPrefix, value: /old}}], backendRefs: [{name: v1, port: 8080}],
				filters: [{type: URLRewrite, urlRewrite: {hostname: new.example.com, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}]}`),
		service("redirect", "srv", "http:8080"), httpRoute("redirect", "name: redirect",
			`{filters: [{type: RequestRedirect, requestRedirect: {hostname: elsewhere.example.com, statusCode: 301,
				path: {type: ReplaceFullPath, replaceFullPath: /there}}}]}`),
		service("headers", "srv", "http:8080"), httpRoute("headers", "name: headers",
			`{backendRefs: [{name: v1, port: 8080}], filters: [
				{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-set, value: "1"}], remove: [x-mine]}},
				{type: ResponseHeaderModifier, responseHeaderModifier: {add: [{name: x-added, value: "2"}]}}]}`),
		service("mirror", "srv", "http:8080"), httpRoute("mirror", "name: mirror",
			`{backendRefs: [{name: v1, port: 8080}], filters: [{type: RequestMirror, requestMirror: {backendRef: {name: shadow, port: 8080}}}]}`),
		service("timeout", "srv", "http:8080"), httpRoute("timeout", "name: timeout",
			`{timeouts: {request: 500ms}, backendRefs: [{name: v1, port: 8080}]}`),
		service("one-port", "srv, version: v1", "http:8080", "http-too:8081:8080"), httpRoute("one-port", "name: one-port, port: 8081",
			`{backendRefs: [{name: v2, port: 8080}]}`),
		service("weightless", "srv", "http:8080"), httpRoute("weightless", "name: weightless",
			`{backendRefs: [{name: v1, port: 8080, weight: 0}]}`),
		service("nobody", "srv", "http:8080"), httpRoute("nobody", "name: nobody", `{backendRefs: [{name: deleted, port: 8080}]}`),
		service("abroad", "srv", "http:8080"), httpRoute("abroad", "name: abroad",
			`{backendRefs: [{name: granted, namespace: equalgateway-far, port: 8080}]}`),
		service("undocumented", "srv", "http:8080"), httpRoute("undocumented", "name: undocumented",
			`{backendRefs: [{name: ungranted, namespace: equalgateway-far, port: 8080}]}`),
		service("others", "srv, version: v1", "http:8080"), service("system", "srv, version: v1", "http:8080"),
		httpRoute("ours", "name: ours, namespace: equalgateway-far", `{backendRefs: [{name: v2, port: 8080}]}`),
		httpRoute("both", "name: both, namespace: equalgateway-far", answersBy("consumer", "v1")), `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: entry}
spec:
  hosts: [entry.example.com]
  addresses: [198.18.8.1]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: srv, version: v1}}
`, httpRoute("entry", "name: entry, kind: ServiceEntry, group: networking.istio.io", `{backendRefs: [{name: v2, port: 8080}]}`),
		service("calls", "srv", "grpc:7070"), route("GRPCRoute", "calls", "name: calls",
			`{matches: [{method: {service: grpc.testing.TestService, method: EmptyCall}}], backendRefs: [{name: v2, port: 7070}]}`,
			`{backendRefs: [{name: v1, port: 7070}]}`))
	const get = `curl -sSi -m 10 `
	const call = `printf '\0\0\0\0\0' | curl -sSi -m 10 --http2-prior-knowledge --data-binary @- -o /dev/stderr ` +
		`-H 'TE: trailers' -H 'Content-Type: application/grpc' http://calls:7070/grpc.testing.TestService/`
	w.equalities([]equal{
		{name: "match", want: `"v2"`, script: get + `-H 'end-user: jason' http://match:8080; ` + get + `http://match:8080/two; ` +
			get + `-d x http://match:8080/two; ` + get + `'http://match:8080/?v=2'; ` + get + `http://match:8080`},
		{name: "weight", want: "about a quarter", script: `n=$(for i in $(seq 80); do curl -sS -m 10 http://weight:8080/; done | grep -c '"version": "v2"');
			test $n -ge 6 -a $n -le 38 && echo about a quarter || echo $n of 80`},
		{name: "rewrite", script: get + `http://rewrite:8080/old/x; ` + get + `http://rewrite:8080/other`, want: `"/new/x"`},
		{name: "redirect", script: get + `http://redirect:8080/here`, want: `elsewhere.example.com:8080/there`},
		{name: "headers", script: get + `-H 'X-Mine: 1' http://headers:8080`, want: `x-added: 2`},
		{name: "mirror", script: get + `http://mirror:8080 && sleep 0.5`, want: `1 requests reached shadow-v1`, counted: "shadow-v1"},
		{name: "timeout", script: get + `'http://timeout:8080/?delay=3s'`, want: `504`},
		{name: "one-port", script: get + `http://one-port:8080; ` + get + `http://one-port:8081`, want: `"v2"`},
		{name: "weightless", script: get + `http://weightless:8080`, want: `500`},
		{name: "nobody", script: get + `http://nobody:8080`, want: `HTTP/1.1 5`},
		{name: "abroad", script: get + `http://abroad:8080`, want: `"far"`},
		{name: "undocumented", script: get + `http://undocumented:8080`, want: `HTTP/1.1`},
		{name: "theirs", in: far.namespace, script: get + `http://theirs.equalgateway-far:8080`, want: `x-by: producer`},
		{name: "ours", in: far.namespace, script: get + `http://ours.equalgateway-far:8080`, want: `"v2"`, fromStart: true},
		{name: "both", in: far.namespace, script: get + `http://both.equalgateway-far:8080`, want: `x-by: consumer`, fromStart: true},
		{name: "others", script: get + `http://others:8080`, want: `"v1"`},
		{name: "system", script: get + `http://system:8080`, want: `"v1"`, fromStart: true},
		{name: "entry.example.com", script: get + `-H 'Host: entry.example.com' http://198.18.8.1:8080`, want: `"v2"`},
		{name: "calls", script: call + `EmptyCall; ` + call + `UnaryCall`, want: `srv/v2`},
	})
}

// httpRoute is an HTTPRoute with rules, written as YAML flow mappings.
func httpRoute(name, parent string, rules ...string) string {
	return route("HTTPRoute", name, parent, rules...)
}

// route is a route of the Gateway API whose parent, unless it says otherwise, is a Service.
func route(kind, name, parent string, rules ...string) string {
	if !strings.Contains(parent, "kind:") {
		parent += `, kind: Service, group: ""`
	}
	return fmt.Sprintf(`
apiVersion: gateway.networking.k8s.io/v1
kind: %s
metadata: {name: %s}
spec:
  parentRefs: [{%s}]
  rules: [%s]
`, kind, name, parent, strings.Join(rules, ", "))
}

// answersBy is a rule that sends requests to port 8080 of a Service and tells in a header of the answer who made it.
func answersBy(who, to string) string {
	return fmt.Sprintf(`{backendRefs: [{name: %s, port: 8080}], filters: [{type: ResponseHeaderModifier,
		responseHeaderModifier: {set: [{name: x-by, value: %s}]}}]}`, to, who)
}
