package plan

import (
	"slices"
	"strings"
	"time"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// everything are the hosts of a listener that imports the whole mesh.
var everything = []string{"*/*"}

// imports are what a Sidecar of ours makes its proxies know, as "namespace/host". An Envoy answers 503 to a request whose
// route names a cluster that is not there, or not yet: istiod sends routes without waiting for their clusters to have
// endpoints, and takes clusters away before the routes to them. So clusters are held a while before their routes come and
// after those have gone.
//
//	held       | wanted                   | next             | and after Warm
//	-----------+--------------------------+------------------+-----------------------------------------------------
//	any        | T, no proxy runs         | A=T              |
//	no Sidecar | T                        | A=T, W=*         | A=T
//	A          | T, which has more than A | A,   W=T-A       | A=A+W, W=what is missing meanwhile, until nothing is
//	A          | T, which has less        | A=T, W=A-T       | A=T
//	A          | everything               | A,   W=*         | no Sidecar
//	A, W young | any                      | A,   W           | as the other rows have it, where W counts as held
//
//	A: hosts  W: warm  T: the hosts of a scope  *: everything
type imports struct {
	hosts []string // that the proxies may call: clusters, and what leads to them
	warm  []string // only clusters
}

// importsOf are those of a Sidecar in the cluster.
func importsOf(s *mesh.Sidecar) imports {
	if s == nil || len(s.Hosts) == 0 {
		return imports{hosts: everything} // as Istio reads a Sidecar without egress
	}
	return imports{s.Hosts, s.Warm}
}

// toward is the next step to a scope, from imports that are held long enough. A host that does not exist any more has no
// cluster to keep.
func (held imports) toward(scope []string, exists func(host string) bool) imports {
	if missing := lacking(scope, slices.Concat(held.hosts, held.warm)); len(missing) > 0 {
		hosts := slices.Concat(held.hosts, lacking(scope, missing))
		slices.Sort(hosts)
		return imports{slices.Compact(hosts), missing}
	}
	var leaving []string
	for _, host := range lacking(held.hosts, scope) {
		if exists(host) {
			leaving = append(leaving, host)
		}
	}
	return imports{scope, leaving}
}

func (held imports) equal(o imports) bool {
	return slices.Equal(held.hosts, o.hosts) && slices.Equal(held.warm, o.warm)
}

// warmsAll tells whether all clusters of the mesh are held.
func (held imports) warmsAll() bool { return slices.Equal(held.warm, everything) }

// listeners are the egress listeners of the Sidecar. The protocol UDP, for which Istio makes no listener of a sidecar, keeps
// the warm one from becoming one; its address, needed for the port 0 that lets it take hosts of any port, is never bound.
func (held imports) listeners() []map[string]any {
	ordinary := map[string]any{"hosts": held.hosts}
	if len(held.warm) == 0 {
		return []map[string]any{ordinary}
	}
	warm := map[string]any{
		"port":  map[string]any{"name": convert.WarmListener, "protocol": "UDP"},
		"bind":  "unix://@" + convert.WarmListener,
		"hosts": held.warm,
	}
	return []map[string]any{warm, ordinary} // the one without a port has to be the last
}

// lacking lists the hosts that none of those held is, or covers.
func lacking(hosts, held []string) []string {
	if slices.Equal(hosts, held) {
		return nil
	}
	exact := make(map[string]bool, len(held))
	var wild []pattern
	for _, host := range held {
		exact[host] = true
		if p := patternOf(host); !p.exact() {
			wild = append(wild, p)
		}
	}
	var out []string
	for _, host := range hosts {
		p := patternOf(host)
		covered := func(wider pattern) bool { return wider.covers(p.namespace, p.host) }
		if !exact[host] && !slices.ContainsFunc(wild, covered) {
			out = append(out, host)
		}
	}
	return out
}

func patternOf(host string) pattern {
	namespace, name, _ := strings.Cut(host, "/")
	return pattern{namespace, mesh.Host(name)}
}

// exists tells whether an imported host stands for any service: only then is there a cluster.
func (w *world) exists(host string) bool {
	p := patternOf(host)
	if !p.exact() {
		return true
	}
	return slices.ContainsFunc(w.catalog.byHost[p.host], func(s *mesh.Service) bool { return s.Namespace == p.namespace })
}

// warming tells whether the warm hosts of a Sidecar must still stay as they are.
func (w *world) warming(s *mesh.Sidecar) bool {
	return s != nil && len(s.Warm) > 0 && w.now.Sub(w.warmSince(s)) < w.cfg.Warm
}

// warmSince is since when a Sidecar has its warm hosts. One that does not tell, or tells nonsense, has them from now on.
func (w *world) warmSince(s *mesh.Sidecar) time.Time {
	if s.WarmSince.IsZero() || s.WarmSince.After(w.now) {
		return w.now
	}
	return s.WarmSince
}

// writeSidecar applies the Sidecar unless it is like that, and sees to it that the next step is taken in time.
func (w *world) writeSidecar(p *Plan, c *candidate, at phase, next imports, s spec, why string) {
	var since time.Time
	if len(next.warm) > 0 {
		since = w.now
		if c.sidecar != nil && importsOf(c.sidecar).equal(next) {
			since = w.warmSince(c.sidecar)
		}
		p.wake(since.Add(w.cfg.Warm))
	}
	if c.sidecar == nil || !s.same(c.sidecar.Spec) || !since.Equal(c.sidecar.WarmSince) {
		p.change(c, at, Change{Sidecar: newSidecar(c, s, since), Why: why})
	}
}

// WarmAll changes a Sidecar of ours so that its proxies hold all clusters of the mesh: what it has to be like for a while
// before it may be deleted.
func WarmAll(s *networkingv1.Sidecar, now time.Time) {
	s.Spec.Egress = slices.DeleteFunc(s.Spec.Egress, func(l *networkingapi.IstioEgressListener) bool {
		return l.GetPort().GetName() == convert.WarmListener
	})
	var warm networkingapi.Sidecar
	spec{}.with("egress", imports{warm: everything}.listeners()[:1]).into(&warm)
	s.Spec.Egress = append(warm.Egress, s.Spec.Egress...)
	if s.Annotations == nil {
		s.Annotations = map[string]string{}
	}
	s.Annotations[convert.WarmSinceAnnotation] = now.UTC().Format(time.RFC3339Nano)
}
