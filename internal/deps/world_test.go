package deps

import (
	"net/netip"
	"time"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

var (
	noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	web  = mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"}
	job  = mesh.WorkloadKey{Namespace: "demo", Kind: "Job", Name: "job"}
)

// service makes a Kubernetes Service from "namespace/name", with one HTTP port.
func service(namespace, name, addr string, port uint16) mesh.Service {
	return mesh.Service{
		Key:       mesh.Key{Namespace: namespace, Name: name},
		Host:      mesh.Host(name + "." + namespace + ".svc.cluster.local"),
		Addresses: prefixes(addr),
		Ports:     []mesh.Port{{Number: port, Name: "http", Protocol: mesh.HTTP}},
	}
}

// entry makes one host of a ServiceEntry, with one TCP port.
func entry(namespace, name string, host mesh.Host, addr string, port uint16) mesh.Service {
	return mesh.Service{
		Key:       mesh.Key{Namespace: namespace, Name: name},
		Kind:      mesh.ServiceEntry,
		Host:      host,
		Addresses: prefixes(addr),
		Ports:     []mesh.Port{{Number: port, Name: "tcp", Protocol: mesh.TCP}},
	}
}

func exportedTo(svc mesh.Service, to ...string) mesh.Service {
	svc.ExportTo = to
	return svc
}

func headless(svc mesh.Service) mesh.Service {
	svc.Headless = true
	return svc
}

func prefixes(addr string) []netip.Prefix {
	if addr == "" {
		return nil
	}
	if p, err := netip.ParsePrefix(addr); err == nil {
		return []netip.Prefix{p}
	}
	a := netip.MustParseAddr(addr)
	return []netip.Prefix{netip.PrefixFrom(a, a.BitLen())}
}

func world() *Directory {
	dns := service("kube-system", "dns-udp", "10.96.0.11", 53)
	dns.Ports[0].Protocol = mesh.UDP
	both := service("kube-system", "kube-dns", "10.96.0.10", 53)
	both.Ports[0].Protocol = mesh.UDP
	both.Ports = append(both.Ports, mesh.Port{Number: 53, Name: "dns-tcp", Protocol: mesh.TCP})
	return NewDirectory([]mesh.Service{
		service("demo", "reviews", "10.96.0.20", 9080),
		service("demo", "canary", "10.96.0.21", 8443),
		service("other", "reviews", "10.96.0.30", 9080),
		service("other", "six", "fd00::96", 9080),
		exportedTo(service("other", "hidden", "10.96.0.31", 9080), "."),
		exportedTo(service("other", "shared", "10.96.0.32", 9080), "demo", "third"),
		service("istio-system", egressService, "10.96.0.99", 8080),
		headless(service("other", "headless", "", 9000)),
		dns, both,
		entry("demo", "db-a", "a.db.example.com", "192.0.2.1", 5432),
		entry("demo", "db-b", "b.db.example.com", "192.0.2.1", 5433),
		entry("demo", "range", "range.example.com", "192.0.2.0/24", 5432),
		entry("other", "wild", "*.example.org", "240.240.0.1", 443),
		entry("other", "wilder", "*.api.example.org", "240.240.0.2", 443),
		entry("alpha", "twice", "twice.example.com", "240.240.0.3", 443),
		entry("demo", "twice", "twice.example.com", "240.240.0.4", 443),
	}, "cluster.local")
}
