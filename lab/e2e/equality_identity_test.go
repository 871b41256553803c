package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// What servers ask of their callers, by JWT, by condition, by address, through an authorizer or at a gateway, they ask of lazy ones as
// well: these are let in and refused as in full scope, from their first request on. And no stranger finds a back door.
func TestEqualIdentity(t *testing.T) {
	t.Parallel()
	w, issuer := newIdentityWorld(t)
	w.equalities(identityCases(t, issuer))
	for _, guarded := range []struct{ server, path, answers string }{
		{"jwt", "/any", "jwt"}, {"named-jwt", "/in", "named-jwt"}, {"conditions", "/not", "conditions"}, {"addresses", "/not", "addresses"},
		{"plaintext", "/not", "plaintext"}, {"lenient", "/condition", "lenient"}, {"asking", "/default", "asking"}, {"headers", "/in", "headers"},
		{"denying", "/in", "denying"}, {"entrance", "/not", "behind"},
	} {
		w.Run("back doors of "+guarded.server, func(t *testing.T) { w.sub(t).backDoors(guarded.server, guarded.path, guarded.answers) })
	}
	t.Run("by a pod's address, as docs/limits.md tells", func(t *testing.T) {
		url := "http://" + w.podIP("plaintext") + ":8080/in"
		w.sub(t).noFailure("in full scope", w.request("deploy/control", url))
		if r := w.request("deploy/client", url); !refused(r) {
			t.Errorf("lazily: %v, the server saw %v", r.Errors, r.Peers)
		}
	})
}

// newIdentityWorld is a world with a server for each kind of policy, a lazy client that is called as its control is, and a lazy stranger.
func newIdentityWorld(t *testing.T) (*world, issuer) {
	t.Helper()
	newWorldIn(t, "authorizer", strings.Replace(client("authorizer"), "[sleep, infinity]", "[labapp, authorizer]", 1),
		service("authorizer", "authorizer", "grpc:9191"))
	documents := []string{
		client("client"), client("control"), intruder("stranger"), echo("bystander", "v1"), echo("behind", "v1"), entrance("entrance", "behind"),
		mutualTLS("plaintext", "plaintext", "DISABLE"), mutualTLS("lenient", "lenient", "PERMISSIVE"),
	}
	for _, name := range []string{
		"jwt", "named-jwt", "conditions", "addresses", "plaintext", "lenient", "forwarded", "asking", "headers", "denying",
	} {
		documents = append(documents, echo(name, "v1"), service(name, name, "http:8080"))
	}
	w := newWorld(t, documents...)
	w.kubectl("wait", "pod/stranger", "--for=condition=Ready", "--timeout", patience.String())
	issuer := newIssuer(t)
	w.apply(identityPolicies(issuer, w.podIP("client")+", "+w.podIP("control"), w.podIP("stranger")+", 203.0.113.9")...)
	w.enforced("jwt:8080/else", "named-jwt:8080/else", "conditions:8080/else", "addresses:8080/else", "plaintext:8080/else", "lenient:8080/else",
		"forwarded:8080/else", "asking:8080/friend", "headers:8080/else", "denying:8080/out", "entrance:8080/out")
	w.annotate("deployment/control", "false")
	w.lazy("deployment/client", "pod/stranger")
	return w, issuer
}

func identityCases(t *testing.T, issuer issuer) []equal {
	bearer := func(token string) string { return "-H 'Authorization: Bearer " + token + "' " }
	friend := bearer(issuer.token(map[string]any{"sub": "friend", "group": "admin"}))
	other := bearer(issuer.token(map[string]any{"sub": "other"}))
	forged := bearer(newIssuer(t).token(map[string]any{"sub": "friend", "group": "admin"}))
	addresses := func(name string) equal {
		return equal{name: name, fromStart: true, want: "200 200 200 403 403", script: visits(name, "/in", "/not", "/condition", "/out", "/never")}
	}
	atGateway := addresses("entrance") // which tells the server the caller's address
	atGateway.script = "{ " + atGateway.script + `} | grep -v '"10[.]'`
	return []equal{
		{name: "jwt", want: "200 200 200 200 403 403 401 403", script: visits("jwt", friend+"/any", friend+"/friend", friend+"/admin",
			other+"/any", other+"/friend", other+"/admin", forged+"/any", "/any")},
		{name: "named-jwt", fromStart: true, want: "200 403 403 401 403",
			script: visits("named-jwt", friend+"/in", other+"/in", friend+"/out", forged+"/in", "/in")},
		{name: "conditions", fromStart: true, want: "200 200 200 403 403",
			script: visits("conditions", "/principal", "/namespace", "/not", "/other", "/never")},
		addresses("addresses"), addresses("plaintext"), addresses("lenient"), atGateway,
		{name: "forwarded", fromStart: true, want: "200 403", script: visits("forwarded", "/ours", "/theirs",
			"-H 'X-Forwarded-For: 203.0.113.9' /ours", "-H 'X-Forwarded-For: 203.0.113.9' /theirs")},
		{name: "asking", fromStart: true, want: "200 403 403 200 200", script: visits("asking", "/default", "/friend", "/ours", "/strangers", "/else")},
		{name: "headers", fromStart: true, want: "200 403", script: visits("headers", "/in", "/out")},
		{name: "denying", fromStart: true, want: "200 403", script: visits("denying", "/in", "/out")},
		{name: "attached", fromStart: true, want: "200 200",
			script: visits("attached", "/", "--connect-to ::198.18.9.1:8080 -H 'Host: attached.example.com' /")},
	}
}

// identityPolicies are policies of every kind, each for the server of its name; ours and strangers are lists of addresses.
func identityPolicies(issuer issuer, ours, strangers string) []string {
	byAddress := []string{
		`{from: [{source: {ipBlocks: [` + ours + `]}}], to: [{operation: {paths: [/in]}}]}`,
		`{from: [{source: {notIpBlocks: [` + strangers + `]}}], to: [{operation: {paths: [/not]}}]}`,
		`{to: [{operation: {paths: [/condition]}}], when: [{key: source.ip, notValues: [` + strangers + `]}]}`,
		`{from: [{source: {ipBlocks: [` + strangers + `]}}], to: [{operation: {paths: [/out]}}]}`,
		`{from: [{source: {notIpBlocks: [` + ours + `]}}], to: [{operation: {paths: [/never]}}]}`,
	}
	return []string{
		issuer.authentication("jwt"), authorization("jwt", "action: ALLOW",
			`{from: [{source: {requestPrincipals: ["*"]}}], to: [{operation: {paths: [/any]}}]}`,
			`{from: [{source: {requestPrincipals: [issuer/friend]}}], to: [{operation: {paths: [/friend]}}]}`,
			`{to: [{operation: {paths: [/admin]}}], when: [{key: "request.auth.claims[group]", values: [admin]}]}`),
		issuer.authentication("named-jwt"), authorization("named-jwt", "action: ALLOW",
			`{from: [{source: {principals: [cluster.local/ns/NS/sa/default], requestPrincipals: [issuer/friend]}}], to: [{operation: {paths: [/in]}}]}`,
			`{from: [{source: {principals: [cluster.local/ns/NS/sa/other], requestPrincipals: [issuer/friend]}}], to: [{operation: {paths: [/out]}}]}`),
		authorization("conditions", "action: ALLOW",
			`{to: [{operation: {paths: [/principal]}}], when: [{key: source.principal, values: [cluster.local/ns/NS/sa/default]}]}`,
			`{to: [{operation: {paths: [/namespace]}}], when: [{key: source.namespace, values: [NS]}]}`,
			`{to: [{operation: {paths: [/not]}}], when: [{key: source.principal, notValues: [cluster.local/ns/NS/sa/stranger]}]}`,
			`{to: [{operation: {paths: [/other]}}], when: [{key: source.namespace, values: [other]}]}`,
			`{to: [{operation: {paths: [/never]}}], when: [{key: source.principal, notValues: [cluster.local/ns/NS/sa/default]}]}`),
		authorization("addresses", "action: ALLOW", byAddress...),
		authorization("plaintext", "action: ALLOW", byAddress...),
		authorization("lenient", "action: ALLOW", byAddress...),
		authorization("forwarded", "action: ALLOW",
			`{from: [{source: {remoteIpBlocks: [`+ours+`]}}], to: [{operation: {paths: [/ours]}}]}`,
			`{from: [{source: {remoteIpBlocks: [`+strangers+`]}}], to: [{operation: {paths: [/theirs]}}]}`),
		authorization("asking", "action: CUSTOM, provider: {name: authorizer}",
			`{to: [{operation: {paths: [/default, /friend]}}]}`,
			`{from: [{source: {ipBlocks: [`+ours+`]}}], to: [{operation: {paths: [/ours]}}]}`,
			`{from: [{source: {ipBlocks: [`+strangers+`]}}], to: [{operation: {paths: [/strangers]}}]}`),
		authorization("headers", "action: ALLOW",
			`{to: [{operation: {paths: [/in]}}], when: [{key: "request.headers[x-forwarded-client-cert]", values: ["*/ns/NS/sa/default"]}]}`,
			`{to: [{operation: {paths: [/out]}}], when: [{key: "request.headers[x-forwarded-client-cert]", values: ["*/sa/other"]}]}`),
		authorization("denying", "action: DENY", `{from: [{source: {principals: [cluster.local/ns/NS/sa/stranger]}}]}`,
			`{from: [{source: {namespaces: [NS]}}], to: [{operation: {paths: [/out]}}]}`),
		// Policies attached to these are waypoints' business.
		attached, authorization("attached", "action: DENY, targetRefs: [{kind: Service, group: '', name: attached}, "+
			"{kind: ServiceEntry, group: networking.istio.io, name: attached}]", `{from: [{source: {namespaces: [NS]}}]}`),
		authorization("entrance", "action: ALLOW, targetRefs: [{kind: Gateway, group: gateway.networking.k8s.io, name: entrance}]", byAddress...),
	}
}

// attached is a Service, and a ServiceEntry, of the bystander.
var attached = docs(service("attached", "bystander", "http:8080"), `
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {name: attached}
spec:
  hosts: [attached.example.com]
  addresses: [198.18.9.1]
  location: MESH_INTERNAL
  resolution: STATIC
  ports: [{number: 8080, name: http, protocol: HTTP}]
  workloadSelector: {labels: {app: bystander}}
`)

// visits is a script that makes requests of a service on port 8080, each given as arguments of curl that end with a path. It tells the
// statuses of the first round in one line, and everything of the second.
func visits(service string, requests ...string) string {
	var statuses, answers strings.Builder
	for _, request := range requests {
		i := strings.LastIndex(request, "/")
		curl := fmt.Sprintf("curl -sS -m 10 %s http://%s:8080%s", request[:i], service, request[i:])
		fmt.Fprintf(&statuses, "%s -o /dev/null -w '%%{http_code} '; ", curl)
		fmt.Fprintf(&answers, "%s -i; ", curl)
	}
	return statuses.String() + "echo; " + answers.String()
}

// authorization is an AuthorizationPolicy for the pods of an app, unless it is attached to something else.
func authorization(app, spec string, rules ...string) string {
	if !strings.Contains(spec, "targetRefs") {
		spec += ", selector: {matchLabels: {app: " + app + "}}"
	}
	return fmt.Sprintf("apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: {name: %s}\nspec: {%s, rules: [%s]}\n",
		app, spec, strings.Join(rules, ", "))
}

// enforced waits until "control" is refused what it asks for.
func (w *world) enforced(urls ...string) {
	w.Helper()
	w.eventually("the policies to be in force", func() error {
		for _, url := range urls {
			if r := w.request("deploy/control", "http://"+url); !strings.Contains(fmt.Sprint(r.Errors), "status 403") {
				return fmt.Errorf("%s: %v", url, r.Errors)
			}
		}
		return nil
	})
}
