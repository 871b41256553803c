package plan

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// world is one snapshot, arranged for looking things up.
type world struct {
	snapshot *mesh.Snapshot
	cfg      Config
	now      time.Time

	catalog    *catalog
	guards     *guards
	namespaces map[string]mesh.Namespace
	views      map[string]*view
	crowds     map[string]*crowd
	// rulesByRange are the divert rules rendered so far, reporting is the rule of observed workloads; without selector.
	rulesByRange map[string]rules
	reporting    spec
	podCIDRs     string // those diverted, as divert rules tell them

	sidecars   map[mesh.Key]*mesh.Sidecar    // ours
	rules      map[mesh.Key]*mesh.DivertRule // ours
	refusals   map[mesh.Key]*mesh.Policy     // ours
	scopeNames map[mesh.Key]mesh.WorkloadKey
	kinds      map[string]bool // that our objects' names may begin with
	// standard is the Sidecar that holds for the mesh where no other one does; nil for none.
	standard *mesh.Sidecar
	// egressSidecar is that of the fallback egress; nil for none.
	egressSidecar *mesh.Sidecar
	// waiting tells that some workload is not narrowed because the fallback is not ready.
	waiting bool
	// failing tells that some workload is narrow although the fallback is not ready.
	failing bool
	notices []Notice
}

// view is what all workloads of a namespace have in common.
type view struct {
	rules rules
	// base and references are in scope before any traffic; routes are the VirtualServices that the egress would not apply alike.
	base       []reasoned
	headless   []reasoned // in scope as well, until the workload's proxies divert pods' addresses
	references []mesh.Reference
	routes     []*mesh.VirtualService
}

// rules are the divert rules for some ranges: one that only diverts, and one that reports as well.
type rules struct{ silent, reporting spec }

// crowd are the things in a namespace that have a say in whether a workload is lazy.
type crowd struct {
	workloads []*mesh.Workload
	labelled  map[label][]*mesh.Workload // by each of their pods' labels, sorted by key
	enrolling []*mesh.Service            // with a lazy-xds annotation
	wanting   []*mesh.Service            // with include or exclude annotations
	foreign   []*mesh.Sidecar
}

type label struct{ name, value string }

// selected are the workloads whose pods a selector may pick: those that share its rarest label.
func (c *crowd) selected(selector map[string]string) []*mesh.Workload {
	var out []*mesh.Workload
	first := true
	for name, value := range selector {
		if found := c.labelled[label{name, value}]; first || len(found) < len(out) {
			out, first = found, false
		}
	}
	return out
}

func newWorld(s *mesh.Snapshot, cfg Config, now time.Time) *world {
	w := &world{
		snapshot:     s,
		cfg:          cfg,
		now:          now,
		catalog:      newCatalog(s, cfg.PodCIDRs),
		namespaces:   make(map[string]mesh.Namespace, len(s.Namespaces)),
		views:        map[string]*view{},
		crowds:       map[string]*crowd{},
		rulesByRange: map[string]rules{},
		reporting:    reportSpec(cfg),
		podCIDRs:     podCIDRs(cfg),
		sidecars:     map[mesh.Key]*mesh.Sidecar{},
		rules:        map[mesh.Key]*mesh.DivertRule{},
		refusals:     map[mesh.Key]*mesh.Policy{},
		scopeNames:   make(map[mesh.Key]mesh.WorkloadKey, len(s.Scopes)),
		kinds:        kindsOf(s),
	}
	w.catalog.exceptional = exceptional(w)
	for _, namespace := range s.Namespaces {
		w.namespaces[namespace.Name] = namespace
	}
	for i := range s.DivertRules {
		if rule := &s.DivertRules[i]; ownName(w.kinds, rule.Name) {
			w.rules[rule.Key] = rule
		}
	}
	for _, scope := range s.Scopes {
		w.scopeNames[scope.Key] = scope.Workload
	}
	w.sortSidecars()
	w.fillCrowds()
	w.guards = newGuards(w)
	return w
}

// sortSidecars tells our Sidecars, the mesh's standard one and users' own apart.
func (w *world) sortSidecars() {
	older := func(a, b *mesh.Sidecar) int { return cmp.Or(a.Created.Compare(b.Created), a.Compare(b.Key)) }
	for _, sidecar := range sortedPointers(w.snapshot.Sidecars, older) {
		switch {
		case sidecar.Ours && ownName(w.kinds, sidecar.Name):
			w.sidecars[sidecar.Key] = sidecar
		case sidecar.Namespace == w.cfg.RootNamespace && len(sidecar.Selector) == 0:
			if w.standard == nil { // Istio takes the oldest
				w.standard = sidecar
			}
		default:
			if sidecar.Namespace == w.cfg.EgressNamespace && sidecar.Name == EgressName {
				w.egressSidecar = sidecar
			}
			crowd := w.crowd(sidecar.Namespace)
			crowd.foreign = append(crowd.foreign, sidecar)
		}
	}
}

func (w *world) fillCrowds() {
	byKey := func(a, b *mesh.Workload) int { return a.Compare(b.WorkloadKey) }
	for _, workload := range sortedPointers(w.snapshot.Workloads, byKey) {
		crowd := w.crowd(workload.Namespace)
		crowd.workloads = append(crowd.workloads, workload)
		for name, value := range workload.Labels {
			crowd.labelled[label{name, value}] = append(crowd.labelled[label{name, value}], workload)
		}
	}
	for _, service := range w.catalog.services {
		if service.Lazy != "" {
			crowd := w.crowd(service.Namespace)
			crowd.enrolling = append(crowd.enrolling, service)
		}
		if !service.Patterns.Empty() {
			crowd := w.crowd(service.Namespace)
			crowd.wanting = append(crowd.wanting, service)
		}
	}
}

func (w *world) crowd(namespace string) *crowd {
	if w.crowds[namespace] == nil {
		w.crowds[namespace] = &crowd{labelled: map[label][]*mesh.Workload{}}
	}
	return w.crowds[namespace]
}

func (w *world) view(namespace string) *view {
	if w.views[namespace] == nil {
		diverted := divertedRanges(w, namespace)
		base, headless := baseServices(w, namespace, diverted.all())
		w.views[namespace] = &view{
			rules:      w.rulesFor(diverted),
			base:       slices.Concat(base, w.guards.seenFrom(namespace), misroutedServices(w, namespace), ruledApart(w, namespace)),
			headless:   headless,
			references: references(w.snapshot, namespace),
			routes:     routesOfItsOwn(w, namespace),
		}
	}
	return w.views[namespace]
}

// rulesFor are the divert rules for some ranges, which most namespaces have in common.
func (w *world) rulesFor(diverted ranges) rules {
	key := fmt.Sprint(diverted)
	if w.rulesByRange[key].silent == nil {
		silent := divertSpec(w.cfg, diverted)
		w.rulesByRange[key] = rules{silent, silent.and(w.reporting)}
	}
	return w.rulesByRange[key]
}

func (w *world) notice(n Notice) { w.notices = append(w.notices, n) }

// selects tells whether a selector picks pods with these labels. An empty one picks none here: what it means depends on
// where it stands.
func selects(selector, labels map[string]string) bool {
	for key, value := range selector {
		if got, ok := labels[key]; !ok || got != value {
			return false
		}
	}
	return len(selector) > 0
}
