package convert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

func TestPolicyCallers(t *testing.T) {
	names := func(lists ...[]string) []mesh.Caller { return []mesh.Caller{{Names: lists}} }
	opaque := []mesh.Caller{{Opaque: true}}
	byAddress := []mesh.Caller{{Opaque: true, ByAddress: true}}
	tests := map[string]struct {
		rule string
		want []mesh.Caller
	}{
		"none":                      {`{to: [{operation: {paths: [/x]}}]}`, nil},
		"principal":                 {`{from: [{source: {principals: [cluster.local/ns/a/sa/b]}}]}`, names([]string{"/ns/a/sa/b"})},
		"principals of a namespace": {`{from: [{source: {principals: ["td/ns/a/*"]}}]}`, names([]string{"/ns/a/*"})},
		"principals by their end":   {`{from: [{source: {principals: ["*/sa/b"]}}]}`, names([]string{"*/sa/b"})},
		"of any trust domain":       {`{from: [{source: {principals: ["*/ns/a/sa/b"]}}]}`, names([]string{"/ns/a/sa/b"})},
		"all of a trust domain":     {`{from: [{source: {principals: ["td/*"]}}]}`, nil},
		"whoever has a name":        {`{from: [{source: {principals: ["*"], namespaces: ["*"]}}]}`, nil},
		"namespaces":                {`{from: [{source: {namespaces: [a, "*-b"]}}]}`, names([]string{"/ns/a/sa/*", "/ns/*-b/sa/*"})},
		"service accounts":          {`{from: [{source: {serviceAccounts: [b, a/b]}}]}`, names([]string{"/ns/home/sa/b", "/ns/a/sa/b"})},
		"both at once": {
			`{from: [{source: {namespaces: [a], principals: ["*b"]}}]}`, names([]string{"*b"}, []string{"/ns/a/sa/*"}),
		},
		"one or the other": {
			`{from: [{source: {namespaces: [a]}}, {source: {notNamespaces: [b]}}, {source: {requestPrincipals: [c]}}]}`,
			[]mesh.Caller{{Names: [][]string{{"/ns/a/sa/*"}}}, {Opaque: true}},
		},
		"condition":             {`{when: [{key: source.namespace, values: [a]}]}`, names([]string{"/ns/a/sa/*"})},
		"condition not to be":   {`{when: [{key: source.principal, notValues: [td/ns/a/sa/b]}]}`, opaque},
		"trust domain":          {`{from: [{source: {trustDomains: [td]}}]}`, opaque},
		"address":               {`{from: [{source: {ipBlocks: [10.0.0.0/8]}}]}`, byAddress},
		"not an address":        {`{from: [{source: {notRemoteIpBlocks: [10.0.0.0/8]}}]}`, byAddress},
		"address, by condition": {`{when: [{key: remote.ip, values: [10.0.0.0/8]}]}`, byAddress},
		"address and name": {
			`{from: [{source: {principals: ["*b"], ipBlocks: [10.0.0.0/8]}}]}`,
			[]mesh.Caller{{Names: [][]string{{"*b"}}, Opaque: true, ByAddress: true}},
		},
		"a header of the caller's proxy": {`{when: [{key: "request.headers[X-Forwarded-Client-Cert]", values: ["*/sa/b"]}]}`, opaque},
		"another header":                 {`{when: [{key: "request.headers[x-token]", values: [b]}]}`, nil},
		"a JWT of a caller with a name": {
			`{from: [{source: {principals: ["*b"], requestPrincipals: ["*"]}}]}`, names([]string{"*b"}),
		},
		"a JWT": {`{from: [{source: {requestPrincipals: ["*"]}}], when: [{key: "request.auth.claims[x]", values: [issuer]}]}`, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, err := convert.Policy(load[securityv1.AuthorizationPolicy](t, "metadata: {name: p, namespace: home}\nspec: {rules: ["+tt.rule+"]}"))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, p.Callers); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

func TestPolicyTarget(t *testing.T) {
	p, err := convert.Policy(load[securityv1.AuthorizationPolicy](t, `
metadata: {name: p, namespace: home}
spec:
  targetRefs:
  - {kind: Service, group: "", name: a}
  - {kind: Gateway, group: gateway.networking.k8s.io, name: b}
  - {kind: ServiceEntry, group: networking.istio.io, name: c}
  - {kind: GatewayClass, group: gateway.networking.k8s.io, name: d}
  - {kind: Gateway, group: networking.istio.io, name: e}
  action: DENY
`))
	if err != nil {
		t.Fatal(err)
	}
	want := mesh.Policy{
		Key: mesh.Key{Namespace: "home", Name: "p"}, Action: mesh.Deny, Attached: true,
		Targets: []mesh.PolicyTarget{{Kind: "Service", Name: "a"}, {Kind: "Gateway", Name: "b"}, {Kind: "ServiceEntry", Name: "c"}},
		Target: []byte(`{"targetRefs":[{"kind":"Service","name":"a"},{"group":"gateway.networking.k8s.io","kind":"Gateway","name":"b"},` +
			`{"group":"networking.istio.io","kind":"ServiceEntry","name":"c"},{"group":"gateway.networking.k8s.io","kind":"GatewayClass","name":"d"},` +
			`{"group":"networking.istio.io","kind":"Gateway","name":"e"}]}`),
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
