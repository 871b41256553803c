package convert_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

const domain = "cluster.local"

var samePrefix = cmpopts.EquateComparable(netip.Prefix{})

func TestService(t *testing.T) {
	tests := map[string]struct {
		yaml string
		want mesh.Service
	}{
		"dual stack, every way to name a protocol": {
			yaml: `
metadata: {name: Web, namespace: demo, annotations: {lazy-xds: "true", networking.istio.io/exportTo: "., ops"}}
spec:
  clusterIP: 10.96.0.7
  clusterIPs: [10.96.0.7, "fd00::7"]
  selector: {app: web}
  ports:
  - {name: http-web, port: 80}
  - {name: grpcweb, port: 81}
  - {name: grpc-web-x, port: 82}
  - {name: HTTP2, port: 83}
  - {name: https, port: 443}
  - {name: db, port: 3306}
  - {name: plain, port: 9000}
  - {name: redis-cache, port: 6379}
  - {name: http, port: 53, protocol: UDP}
  - {name: http-not, port: 84, appProtocol: tcp}
  - {name: sock, port: 85, appProtocol: kubernetes.io/wss}
  - {name: tcp-not, port: 86, appProtocol: kubernetes.io/h2c}
`,
			want: mesh.Service{
				Key: mesh.Key{Namespace: "demo", Name: "Web"}, Host: "web.demo.svc.cluster.local",
				Addresses: []netip.Prefix{netip.MustParsePrefix("10.96.0.7/32"), netip.MustParsePrefix("fd00::7/128")},
				Ports: []mesh.Port{
					{Number: 80, Name: "http-web", Protocol: mesh.HTTP},
					{Number: 81, Name: "grpcweb"},
					{Number: 82, Name: "grpc-web-x", Protocol: mesh.HTTP},
					{Number: 83, Name: "HTTP2", Protocol: mesh.HTTP},
					{Number: 443, Name: "https", Protocol: mesh.TLS},
					{Number: 3306, Name: "db", Protocol: mesh.TCP},
					{Number: 9000, Name: "plain"},
					{Number: 6379, Name: "redis-cache", Protocol: mesh.TCP},
					{Number: 53, Name: "http", Protocol: mesh.UDP},
					{Number: 84, Name: "http-not", Protocol: mesh.TCP},
					{Number: 85, Name: "sock", Protocol: mesh.TLS},
					{Number: 86, Name: "tcp-not", Protocol: mesh.HTTP},
				},
				ExportTo: []string{".", "ops"}, Selector: map[string]string{"app": "web"}, Lazy: "true",
			},
		},
		"headless": {
			yaml: `{metadata: {name: db, namespace: demo}, spec: {clusterIP: None, clusterIPs: [None], ports: [{name: tcp, port: 5432}]}}`,
			want: mesh.Service{
				Key: mesh.Key{Namespace: "demo", Name: "db"}, Host: "db.demo.svc.cluster.local", Headless: true,
				Ports: []mesh.Port{{Number: 5432, Name: "tcp", Protocol: mesh.TCP}},
			},
		},
		"external name": {
			yaml: `{metadata: {name: out, namespace: demo}, spec: {type: ExternalName, externalName: API.example.com.}}`,
			want: mesh.Service{
				Key: mesh.Key{Namespace: "demo", Name: "out"}, Host: "out.demo.svc.cluster.local", External: "api.example.com",
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := convert.Service(load[corev1.Service](t, tt.yaml), domain)
			if diff := cmp.Diff(tt.want, got, samePrefix); diff != "" {
				t.Errorf("unexpected service (-want +got):\n%s", diff)
			}
		})
	}
}

func TestServiceEntryAddresses(t *testing.T) {
	const status = `
status:
  addresses: [{host: a.example.com, value: 240.240.0.1}, {host: a.example.com, value: "2001:2::f0f0:1"}, {host: b.example.com, value: 240.240.0.2}]`
	tests := map[string]struct {
		yaml string
		want map[mesh.Host][]string
		auto bool
	}{
		"declared, allocation ignored": {
			yaml: `spec: {hosts: [a.example.com], addresses: [192.0.2.9, 198.51.100.7/24, nonsense], resolution: DNS}` + status,
			want: map[mesh.Host][]string{"a.example.com": {"192.0.2.9/32", "198.51.100.0/24"}},
		},
		"allocated, each host its own": {
			yaml: `spec: {hosts: [a.example.com, b.example.com], resolution: DNS}` + status,
			want: map[mesh.Host][]string{
				"a.example.com": {"240.240.0.1/32", "2001:2::f0f0:1/128"}, "b.example.com": {"240.240.0.2/32"},
			},
			auto: true,
		},
		"not yet allocated": {
			yaml: `spec: {hosts: [a.example.com], resolution: DNS}`,
			want: map[mesh.Host][]string{"a.example.com": nil},
		},
		"passthrough has no virtual address": {
			yaml: `spec: {hosts: [a.example.com], resolution: NONE}` + status,
			want: map[mesh.Host][]string{"a.example.com": nil},
		},
		"opted out": {
			yaml: `metadata: {labels: {networking.istio.io/enable-autoallocate-ip: "False"}}
spec: {hosts: [a.example.com], resolution: DNS}` + status,
			want: map[mesh.Host][]string{"a.example.com": nil},
		},
		"wildcard": {
			yaml: `spec: {hosts: ["*.Example.com"], resolution: NONE}`,
			want: map[mesh.Host][]string{"*.example.com": nil},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := map[mesh.Host][]string{}
			for _, s := range convert.ServiceEntry(load[networkingv1.ServiceEntry](t, tt.yaml)) {
				got[s.Host] = nil
				for _, a := range s.Addresses {
					got[s.Host] = append(got[s.Host], a.String())
				}
				if s.Kind != mesh.ServiceEntry || s.AutoAllocated != tt.auto {
					t.Errorf("host %s: kind %v, auto-allocated %v", s.Host, s.Kind, s.AutoAllocated)
				}
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("unexpected addresses (-want +got):\n%s", diff)
			}
		})
	}
}

func TestServiceEntryPorts(t *testing.T) {
	se := load[networkingv1.ServiceEntry](t, `
metadata: {name: ext, namespace: demo}
spec:
  hosts: [a.example.com]
  exportTo: ["."]
  ports: [{number: 443, name: tls, protocol: TLS}, {number: 80, name: web, protocol: http}, {number: 70000, name: bad, protocol: TCP},
    {number: 99, name: http-by-name-only}]
`)
	want := mesh.Service{
		Key: mesh.Key{Namespace: "demo", Name: "ext"}, Kind: mesh.ServiceEntry, Host: "a.example.com", ExportTo: []string{"."},
		Ports: []mesh.Port{
			{Number: 443, Name: "tls", Protocol: mesh.TLS},
			{Number: 80, Name: "web", Protocol: mesh.HTTP},
			{Number: 99, Name: "http-by-name-only"},
		},
	}
	if diff := cmp.Diff([]mesh.Service{want}, convert.ServiceEntry(se), samePrefix); diff != "" {
		t.Errorf("unexpected services (-want +got):\n%s", diff)
	}
}
