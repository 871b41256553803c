package convert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

func TestGatewayRoutes(t *testing.T) {
	routes := convert.GatewayRoutes{
		HTTP: []*gatewayv1.HTTPRoute{
			load[gatewayv1.HTTPRoute](t, `
metadata: {name: web, namespace: demo}
spec:
  parentRefs:
  - {group: "", kind: Service, name: reviews}
  - {group: "", kind: Service, name: reviews, port: 8080}
  - {group: "", kind: Service, name: billing, namespace: other}
  - {group: networking.istio.io, kind: ServiceEntry, name: external, namespace: other}
  - {group: networking.istio.io, kind: ServiceEntry, name: absent}
  - {name: a-gateway}
  - {kind: Service, name: of-the-wrong-group}
  rules:
  - filters:
    - {type: RequestMirror, requestMirror: {backendRef: {name: shadow, namespace: other, port: 8080}}}
    - {type: URLRewrite, urlRewrite: {hostname: elsewhere}}
    backendRefs:
    - {name: v1, port: 8080}
    - {name: v2, port: 8080, weight: 0}
  - backendRefs:
    - {group: networking.istio.io, kind: Hostname, name: API.example.com, port: 443}
    - {group: multicluster.x-k8s.io, kind: ServiceImport, name: imported, port: 8080}
    - {group: inference.networking.k8s.io, kind: InferencePool, name: pool}
`),
			load[gatewayv1.HTTPRoute](t, `
metadata: {name: at-the-gateway, namespace: demo}
spec: {parentRefs: [{name: a-gateway}], hostnames: [reviews.demo.svc.cluster.local], rules: [{backendRefs: [{name: v1, port: 8080}]}]}
`),
		},
		GRPC: []*gatewayv1.GRPCRoute{load[gatewayv1.GRPCRoute](t, `
metadata: {name: calls, namespace: demo}
spec:
  parentRefs: [{group: "", kind: Service, name: calls, namespace: demo}]
  rules:
  - filters: [{type: RequestMirror, requestMirror: {backendRef: {name: shadow, port: 7070}}}]
    backendRefs: [{name: v2, namespace: other, port: 7070}]
`)},
		TLS: []*gatewayv1.TLSRoute{load[gatewayv1.TLSRoute](t, `
metadata: {name: secure, namespace: demo}
spec: {parentRefs: [{group: "", kind: Service, name: secure, namespace: other}], rules: [{backendRefs: [{name: v1, port: 443}]}]}
`)},
		TCP: []*gatewayv1.TCPRoute{load[gatewayv1.TCPRoute](t, `
metadata: {name: db, namespace: demo}
spec: {parentRefs: [{group: "", kind: Service, name: db}], rules: [{backendRefs: [{name: replica, port: 5432}]}]}
`)},
	}
	services := []mesh.Service{
		{Key: mesh.Key{Namespace: "other", Name: "external"}, Kind: mesh.ServiceEntry, Host: "*.example.com"},
		{Key: mesh.Key{Namespace: "other", Name: "external"}, Kind: mesh.ServiceEntry, Host: "example.org"},
		{Key: mesh.Key{Namespace: "demo", Name: "absent"}, Host: "absent.demo.svc.cluster.local"},
	}
	webDestinations := []mesh.Host{
		"api.example.com", "imported.demo.svc.cluster.local", "shadow.other.svc.cluster.local",
		"v1.demo.svc.cluster.local", "v2.demo.svc.cluster.local",
	}
	want := []mesh.VirtualService{
		{
			Key: mesh.Key{Namespace: "demo", Name: "web"}, Kind: "HTTPRoute", Mesh: true, Destinations: webDestinations,
			Hosts: []mesh.Host{"reviews.demo.svc.cluster.local"},
		},
		{
			Key: mesh.Key{Namespace: "demo", Name: "web"}, Kind: "HTTPRoute", Mesh: true, Destinations: webDestinations,
			Hosts:    []mesh.Host{"*.example.com", "billing.other.svc.cluster.local", "example.org"},
			ExportTo: []string{"."},
		},
		{
			Key: mesh.Key{Namespace: "demo", Name: "calls"}, Kind: "GRPCRoute", Mesh: true,
			Hosts:        []mesh.Host{"calls.demo.svc.cluster.local"},
			Destinations: []mesh.Host{"shadow.demo.svc.cluster.local", "v2.other.svc.cluster.local"},
		},
		{
			Key: mesh.Key{Namespace: "demo", Name: "secure"}, Kind: "TLSRoute", Mesh: true,
			Hosts:        []mesh.Host{"secure.other.svc.cluster.local"},
			Destinations: []mesh.Host{"v1.demo.svc.cluster.local"},
		},
		{
			Key: mesh.Key{Namespace: "demo", Name: "db"}, Kind: "TCPRoute", Mesh: true,
			Hosts:        []mesh.Host{"db.demo.svc.cluster.local"},
			Destinations: []mesh.Host{"replica.demo.svc.cluster.local"},
		},
	}
	if diff := cmp.Diff(want, routes.VirtualServices(services, domain)); diff != "" {
		t.Errorf("unexpected virtual services (-want +got):\n%s", diff)
	}
}
