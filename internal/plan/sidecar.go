package plan

import (
	"slices"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// sidecarSpec renders the spec of a workload's Sidecar: its scope, and from the mesh's standard Sidecar, which it takes the
// place of, everything that is not egress. It has no outboundTrafficPolicy of its own: the field's mere presence would turn
// what the mesh allows into REGISTRY_ONLY.
func (w *world) sidecarSpec(selector map[string]string, i imports) spec {
	out := spec{}
	if w.standard != nil {
		out = parseSpec(w.standard.Spec)
	}
	return out.with("egress", i.listeners()).selecting(selector)
}

// sidecarHosts renders a scope as the hosts of a Sidecar: sorted, without what a pattern of the user covers.
func sidecarHosts(scope []ScopedHost) []string {
	var patterns []pattern
	for _, host := range scope {
		if host.pattern {
			patterns = append(patterns, pattern{host.Namespace, host.Host})
		}
	}
	out := make([]string, 0, len(scope))
	for _, host := range scope {
		wider := func(p pattern) bool {
			itself := p.namespace == host.Namespace && p.host == host.Host
			return !itself && p.covers(host.Namespace, host.Host)
		}
		if !slices.ContainsFunc(patterns, wider) {
			out = append(out, host.String())
		}
	}
	slices.Sort(out)
	return out
}

// brings lists the observed hosts of a scope that next has and held has not.
func brings(scope []ScopedHost, held, next imports) []mesh.Host {
	added := lacking(slices.Concat(next.hosts, next.warm), slices.Concat(held.hosts, held.warm))
	var out []mesh.Host
	for _, host := range scope {
		if host.learned() && slices.Contains(added, host.String()) {
			out = append(out, host.Host)
		}
	}
	return out
}
