package convert

import (
	"net/netip"
	"strings"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Host brings a name into the form the registry uses: lower case, no trailing dot.
func Host(name string) mesh.Host {
	return mesh.Host(strings.ToLower(strings.TrimSuffix(strings.TrimSpace(name), ".")))
}

// ServiceHost is the fully qualified name of a Kubernetes Service.
func ServiceHost(name, namespace, clusterDomain string) mesh.Host {
	return Host(name + "." + namespace + ".svc." + clusterDomain)
}

// resolve completes a short name as Istio does: only a name without any dot is short, and addresses and "*" never are.
func resolve(name, namespace, clusterDomain string) mesh.Host {
	host := Host(name)
	if host == "" || host == "*" || strings.Contains(string(host), ".") {
		return host
	}
	if _, err := netip.ParseAddr(string(host)); err == nil {
		return host
	}
	return ServiceHost(string(host), namespace, clusterDomain)
}
