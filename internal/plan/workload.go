package plan

import (
	"cmp"
	"fmt"
	"time"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Workload is the verdict on one workload, or on one WorkloadScope too many.
type Workload struct {
	Key mesh.WorkloadKey
	// ScopeName names its WorkloadScope, which may be about to be created.
	ScopeName string
	// Selector is what its Sidecar selects by; empty if the workload is gone.
	Selector map[string]string
	// Hosts is its scope, sorted by namespace and host, or what that would be while it is observed; empty otherwise.
	Hosts           []ScopedHost
	Accepted, Ready Condition

	generation int64
	idleTTL    time.Duration // how long a dependency may go unused; 0 for ever
	catalog    *catalog
	frozen     bool // a scope that does not count: what it learned stays as it is
}

// Condition is a condition of a WorkloadScope, but for the times.
type Condition struct {
	Status          bool
	Reason, Message string
}

// accepted is the condition of a scope whose spec makes sense.
var accepted = Condition{true, "Accepted", ""}

func (w Workload) scopeKey() mesh.Key { return mesh.Key{Namespace: w.Key.Namespace, Name: w.ScopeName} }

// describe begins the verdict on a candidate: its scope, and whether the user's part of it makes sense.
func (w *world) describe(c *candidate, v verdict) Workload {
	out := Workload{Key: c.key, Accepted: accepted, Ready: v.ready, idleTTL: v.idleTTL, catalog: w.catalog}
	var include, exclude []wanted
	switch {
	case c.scope != nil:
		out.ScopeName, out.generation = c.scope.Name, c.scope.Generation
		include, exclude, out.Accepted = w.intent(c.scope)
	case v.enrolled:
		out.ScopeName = w.freeName(c.key)
	}
	if c.workload != nil {
		out.Selector = c.workload.Selector
	}
	if v.enrolled {
		alsoInclude, alsoExclude := w.annotated(c)
		include, exclude = append(include, alsoInclude...), append(exclude, alsoExclude...)
	}
	if v.mode != full {
		out.Hosts = w.build(c, v.reports, include, exclude)
	}
	return out
}

// intent reads the user's part of a scope. What makes no sense has no effect, and the condition names it.
func (w *world) intent(s *mesh.Scope) (include, exclude []wanted, _ Condition) {
	include, includeErr := parsePatterns("spec.include", s.Include)
	exclude, excludeErr := parsePatterns("spec.exclude", s.Exclude)
	refused := func(reason, message string) Condition {
		w.notice(Notice{"WorkloadScope", s.Namespace, s.Name, Warning, reason, message})
		return Condition{false, reason, message}
	}
	if err := cmp.Or(includeErr, excludeErr); err != nil {
		return include, exclude, refused("InvalidPattern", err.Error())
	}
	if _, known := modes[s.Mode]; s.Mode != "" && !known {
		return include, exclude, refused("InvalidMode", fmt.Sprintf("spec.mode: %q means nothing and counts as Full", s.Mode))
	}
	return include, exclude, accepted
}

// freeName is the name of a new scope: the default one, unless a user gave it to the scope of another workload.
func (w *world) freeName(key mesh.WorkloadKey) string {
	name := ScopeName(key)
	if _, taken := w.scopeNames[mesh.Key{Namespace: key.Namespace, Name: name}]; taken {
		return name + "-" + digest(key.String())
	}
	return name
}

// duplicates are the verdicts on the scopes that do not count, because another one is for the same workload.
func (w *world) duplicates(p *Plan, c *candidate) []Workload {
	var out []Workload
	for _, scope := range c.spare {
		if scope.Ours && !intended(scope) {
			p.dropScope(c, scope, "WorkloadScope "+c.scope.Name+" is for the same workload")
			continue
		}
		message := fmt.Sprintf("WorkloadScope %s is for the same workload", c.scope.Name)
		w.notice(Notice{"WorkloadScope", scope.Namespace, scope.Name, Warning, "Duplicate", message})
		out = append(out, Workload{
			Key: c.key, ScopeName: scope.Name, generation: scope.Generation, frozen: true,
			Accepted: Condition{false, "Duplicate", message},
			Ready:    Condition{false, "Duplicate", message},
		})
	}
	return out
}

// services counts the services in scope.
func (w Workload) services() int {
	return w.count(func(ScopedHost) bool { return true })
}

func (w Workload) count(counts func(ScopedHost) bool) int {
	hosts := map[mesh.Host]bool{}
	for _, host := range w.Hosts {
		if host.service && counts(host) {
			hosts[host.Host] = true
		}
	}
	return len(hosts)
}

// noteObstacle tells people what they may want to change; the rest is only in the condition.
func (w *world) noteObstacle(c *candidate, o obstacle) {
	n := Notice{c.key.Kind, c.key.Namespace, c.key.Name, Warning, o.reason, o.message}
	switch o.reason {
	case "IstioTooOld", "EgressPolicyDiffers", "Passthrough": // once, not for every workload
		w.noteEgress(o.reason, o.message)
		return
	case "ForeignSidecar":
		n.Reason = "ForeignSidecarConflict"
	case "SharedSelector", "NoSelector", "NamespaceUndiscovered":
	default:
		return
	}
	w.notice(n)
}

// gone tells whether the verdict is that the workload does not exist.
func (c Condition) gone() bool { return c.Reason == convert.ReasonWorkloadGone }
