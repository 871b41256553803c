package plan

import (
	"slices"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// toldByHost tells whether the fallback can stand in for a service in spite of its addresses, which are not diverted: HTTP is
// told by its Host, once a listener of its port reads it. Istio has one for all HTTP services of a port.
func toldByHost(r reasoned) bool {
	other := func(p mesh.Port) bool { return p.Protocol != mesh.HTTP }
	return r.source == v1alpha1.SourceUnaddressed && r.service.Kind == mesh.ServiceEntry && !slices.ContainsFunc(r.service.Ports, other)
}

// openPorts adds as many of the services told by their host as it takes to have a listener on each of their ports.
func (b *builder) openPorts() {
	for _, r := range b.toldByHost {
		if slices.ContainsFunc(r.service.Ports, func(p mesh.Port) bool { return !b.web[p.Number] }) {
			r.detail += ", and the first on its port"
			b.add(r)
			b.close()
		}
	}
}
