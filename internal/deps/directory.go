package deps

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// egressService is the name of the fallback egress's Service. The way to everything is nobody's dependency.
const egressService = "istio-egressgateway-lazyxds"

// Directory finds the services behind addresses and names. It is built once per change of services, is never changed
// afterwards and may be read by many.
type Directory struct {
	clusterDomain string
	byHost        map[mesh.Host][]mesh.Service
	byPrefix      map[netip.Prefix][]mesh.Service
	// lengths4 and lengths6 are the prefix lengths in use, longest first.
	lengths4, lengths6 []int
}

// NewDirectory indexes all services that can be learned: not the egress, nor what is served over UDP alone.
func NewDirectory(services []mesh.Service, clusterDomain string) *Directory {
	d := &Directory{
		clusterDomain: clusterDomain,
		byHost:        make(map[mesh.Host][]mesh.Service, len(services)),
		byPrefix:      make(map[netip.Prefix][]mesh.Service, len(services)),
	}
	sorted := slices.Clone(services)
	slices.SortFunc(sorted, func(a, b mesh.Service) int {
		return cmp.Or(a.Key.Compare(b.Key), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Host, b.Host))
	})
	for _, svc := range sorted {
		if !learnable(svc) {
			continue
		}
		d.byHost[svc.Host] = append(d.byHost[svc.Host], svc)
		for _, prefix := range svc.Addresses {
			d.addPrefix(prefix, svc)
		}
	}
	descending := func(a, b int) int { return cmp.Compare(b, a) }
	slices.SortFunc(d.lengths4, descending)
	slices.SortFunc(d.lengths6, descending)
	return d
}

func (d *Directory) addPrefix(prefix netip.Prefix, svc mesh.Service) {
	if !prefix.IsValid() {
		return
	}
	prefix = prefix.Masked()
	d.byPrefix[prefix] = append(d.byPrefix[prefix], svc)
	lengths := &d.lengths6
	if prefix.Addr().Is4() {
		lengths = &d.lengths4
	}
	if !slices.Contains(*lengths, prefix.Bits()) {
		*lengths = append(*lengths, prefix.Bits())
	}
}

// ByAddress returns the wanted services whose virtual addresses contain addr; of several prefixes only the longest counts.
func (d *Directory) ByAddress(addr netip.Addr, want func(mesh.Service) bool) []mesh.Service {
	addr = addr.Unmap()
	lengths := d.lengths6
	if addr.Is4() {
		lengths = d.lengths4
	}
	for _, bits := range lengths {
		prefix, err := addr.Prefix(bits)
		if err != nil {
			continue
		}
		if found := filter(d.byPrefix[prefix], want); len(found) > 0 {
			return found
		}
	}
	return nil
}

// ByHost returns the wanted services of exactly that host, else those of the ServiceEntries with the longest wildcard
// host that covers it.
func (d *Directory) ByHost(host mesh.Host, want func(mesh.Service) bool) []mesh.Service {
	if exact := filter(d.byHost[host], want); len(exact) > 0 {
		return exact
	}
	rest := string(host)
	for {
		_, after, found := strings.Cut(rest, ".")
		if !found {
			return filter(d.byHost["*"], want)
		}
		if wild := filter(d.byHost[mesh.Host("*."+after)], want); len(wild) > 0 {
			return wild
		}
		rest = after
	}
}

// ByAuthority returns the wanted services that the authority of a request names when it comes from the given namespace:
// an address, a full name, or a name shortened the way the search path of a pod's resolver allows; or one below that of a
// headless service, for one of its pods.
func (d *Directory) ByAuthority(authority, namespace string, want func(mesh.Service) bool) []mesh.Service {
	if authority == "" {
		return nil
	}
	if addr, err := netip.ParseAddr(authority); err == nil {
		return d.ByAddress(addr, want)
	}
	for _, host := range d.expansions(authority, namespace) {
		if found := filter(d.byHost[host], want); len(found) > 0 {
			return found
		}
	}
	if _, parent, ok := strings.Cut(authority, "."); ok {
		headless := func(svc mesh.Service) bool { return svc.Headless && want(svc) }
		for _, host := range d.expansions(parent, namespace) {
			if found := filter(d.byHost[host], headless); len(found) > 0 {
				return found
			}
		}
	}
	return d.ByHost(mesh.Host(authority), want)
}

// expansions lists the full names a name may stand for, the likeliest first.
func (d *Directory) expansions(name, namespace string) []mesh.Host {
	hosts := []mesh.Host{mesh.Host(name)}
	labels := strings.Split(name, ".")
	switch {
	case len(labels) == 1:
		hosts = append(hosts, mesh.Host(name+"."+namespace+".svc."+d.clusterDomain))
	case len(labels) == 2:
		hosts = append(hosts, mesh.Host(name+".svc."+d.clusterDomain))
	case len(labels) == 3 && labels[2] == "svc":
		hosts = append(hosts, mesh.Host(name+"."+d.clusterDomain))
	}
	return hosts
}

// VisibleTo reports whether workloads of the namespace may see the service, as its exportTo says.
func VisibleTo(svc mesh.Service, namespace string) bool {
	return mesh.Visible(svc.ExportTo, svc.Namespace, namespace)
}

// learnable reports whether a sidecar has any use for the service in its scope.
func learnable(svc mesh.Service) bool {
	if svc.Kind == mesh.KubernetesService && svc.Name == egressService {
		return false
	}
	return len(svc.Ports) == 0 || slices.ContainsFunc(svc.Ports, isStream)
}

// serves reports whether the service has the port, for something other than UDP. Port 0 stands for any, and a service
// that lists no ports has them all.
func serves(svc mesh.Service, port uint16) bool {
	if port == 0 || len(svc.Ports) == 0 {
		return true
	}
	return slices.ContainsFunc(svc.Ports, func(p mesh.Port) bool { return p.Number == port && isStream(p) })
}

func isStream(p mesh.Port) bool { return p.Protocol != mesh.UDP }

func filter(services []mesh.Service, want func(mesh.Service) bool) []mesh.Service {
	var found []mesh.Service
	for _, svc := range services {
		if want(svc) {
			found = append(found, svc)
		}
	}
	return found
}
