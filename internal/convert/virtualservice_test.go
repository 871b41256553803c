package convert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

func TestVirtualServices(t *testing.T) {
	root := load[networkingv1.VirtualService](t, `
metadata: {name: root, namespace: demo}
spec:
  hosts: [reviews, api.example.com, "*.demo.svc.cluster.local"]
  exportTo: [".", ops]
  http:
  - delegate: {name: child, namespace: routing}
  - delegate: {name: absent}
  - route: [{destination: {host: reviews, subset: v1}}, {destination: {host: reviews, subset: v2}}]
    mirror: {host: old-mirror}
    mirrors: [{destination: {host: new-mirror.ops.svc.cluster.local}}]
  tcp: [{route: [{destination: {host: db}}]}]
  tls: [{match: [{sniHosts: [x]}], route: [{destination: {host: secure.ops.svc.cluster.local}}]}]
`)
	child := load[networkingv1.VirtualService](t, `
metadata: {name: child, namespace: routing}
spec: {http: [{route: [{destination: {host: canary}}]}]}
`)
	ingress := load[networkingv1.VirtualService](t, `
metadata: {name: ingress, namespace: demo}
spec: {hosts: [shop.example.com], gateways: [demo/gw], http: [{route: [{destination: {host: shop}}]}]}
`)
	oneMatch := load[networkingv1.VirtualService](t, `
metadata: {name: one-match, namespace: demo}
spec: {hosts: [shop], gateways: [demo/gw], http: [{match: [{gateways: [mesh]}], route: [{destination: {host: shop}}]}]}
`)
	want := []mesh.VirtualService{
		{
			Key: mesh.Key{Namespace: "demo", Name: "root"}, Kind: "VirtualService", Mesh: true, ExportTo: []string{".", "ops"},
			Hosts: []mesh.Host{"*.demo.svc.cluster.local", "api.example.com", "reviews.demo.svc.cluster.local"},
			Destinations: []mesh.Host{
				"canary.routing.svc.cluster.local", "db.demo.svc.cluster.local", "new-mirror.ops.svc.cluster.local",
				"old-mirror.demo.svc.cluster.local", "reviews.demo.svc.cluster.local", "secure.ops.svc.cluster.local",
			},
		},
		{
			Key: mesh.Key{Namespace: "demo", Name: "ingress"}, Kind: "VirtualService", Hosts: []mesh.Host{"shop.example.com"},
			Destinations: []mesh.Host{"shop.demo.svc.cluster.local"},
		},
		{
			Key: mesh.Key{Namespace: "demo", Name: "one-match"}, Kind: "VirtualService", Mesh: true, Hosts: []mesh.Host{"shop.demo.svc.cluster.local"},
			Destinations: []mesh.Host{"shop.demo.svc.cluster.local"},
		},
	}
	got := convert.VirtualServices([]*networkingv1.VirtualService{root, child, ingress, oneMatch}, domain)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("unexpected virtual services (-want +got):\n%s", diff)
	}
}
