package plan

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/deps"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

const (
	// young is how long a lesson is kept although its service seems not to exist: what the plan knows may be older.
	young = 5 * time.Second
	// maxListed is how many services a status lists unless they were observed; with their reasons they take some 150 bytes
	// each, and an object must stay well below the API server's limit of 1.5 MiB. The counts are always true.
	maxListed = 2000
)

// Status is the status of the workload's scope, given what it is now: prev has to be fresh, since lessons learned after the
// plan was made must not be lost. If nothing is new, it equals prev.
func (w Workload) Status(prev v1alpha1.WorkloadScopeStatus, now time.Time) v1alpha1.WorkloadScopeStatus {
	out := *prev.DeepCopy()
	out.ObservedGeneration = w.generation
	out.Selector = maps.Clone(w.Selector)
	out.Services = int32(w.services())
	out.Learned = int32(w.count(ScopedHost.learned))
	if !w.frozen {
		out.Expiry = w.expiry(prev.Expiry)
		deps.Date(&out)
		out.Dependencies = w.listed(out, now)
	}
	setCondition(&out, v1alpha1.ConditionAccepted, w.Accepted, now)
	setCondition(&out, v1alpha1.ConditionReady, w.Ready, now)
	return out
}

// expiry is by what dependencies expire. Those of another idleTTL were seen with another precision, so that the clock starts anew.
func (w Workload) expiry(prev *v1alpha1.Expiry) *v1alpha1.Expiry {
	switch {
	case w.idleTTL == 0:
		return nil
	case prev != nil && prev.IdleTTL.Duration == w.idleTTL:
		return prev
	}
	return &v1alpha1.Expiry{IdleTTL: metav1.Duration{Duration: w.idleTTL}}
}

// listed are the dependencies to list: those observed, as they are, until their service is gone or they expire, and the rest
// of the scope. An observed service that the user excluded stays listed, or it would be learned again and again.
func (w Workload) listed(status v1alpha1.WorkloadScopeStatus, now time.Time) []v1alpha1.Dependency {
	var out []v1alpha1.Dependency
	listed := map[mesh.Host]bool{}
	for _, dependency := range status.Dependencies {
		if dependency.Source == v1alpha1.SourceObserved && w.remembers(dependency, now) && !deps.Expired(dependency, status.Expiry, now) {
			out = append(out, dependency)
			listed[mesh.Host(dependency.Host)] = true
		}
	}
	for _, host := range w.Hosts {
		if listed[host.Host] || host.learned() || !host.lists() || len(out) >= maxListed {
			continue
		}
		out = append(out, v1alpha1.Dependency{Host: string(host.Host), Namespace: host.Namespace, Source: host.Source})
		listed[host.Host] = true
	}
	slices.SortFunc(out, func(a, b v1alpha1.Dependency) int { return cmp.Compare(a.Host, b.Host) })
	return out
}

// remembers tells whether a lesson still holds.
func (w Workload) remembers(d v1alpha1.Dependency, now time.Time) bool {
	if len(w.catalog.named(mesh.Host(d.Host), w.Key.Namespace)) > 0 {
		return true
	}
	return d.FirstSeen != nil && now.Sub(d.FirstSeen.Time) < young
}

// wakeToForget asks for another plan when lessons whose service does not exist are no longer young.
func (w *world) wakeToForget(p *Plan, scope *mesh.Scope) {
	for _, d := range scope.Dependencies {
		if end := d.FirstSeen.Add(young); end.After(w.now) && len(w.catalog.named(d.Host, scope.Namespace)) == 0 {
			p.wake(end)
		}
	}
}

// wakeToExpire asks for another plan when a dependency expires.
func (w *world) wakeToExpire(p *Plan, scope *mesh.Scope) {
	for _, d := range scope.Dependencies {
		if d.ExpiresAt.After(w.now) {
			p.wake(d.ExpiresAt)
		}
	}
}

// Unused tells people which dependencies of the workload expired.
func (w Workload) Unused(hosts []string) Notice {
	message := fmt.Sprintf("not called for %s: %s", w.idleTTL, list(hosts))
	return Notice{w.Key.Kind, w.Key.Namespace, w.Key.Name, Normal, "DependencyExpired", message}
}

// lists tells whether the host stands for one service, which a status can name.
func (h ScopedHost) lists() bool { return h.service || !h.pattern && h.Source == v1alpha1.SourceSystem }

// setCondition sets a condition; its time is that of the last change of its status. Only for a workload that is gone it is
// when that was found, since how long its scope is kept counts from there.
func setCondition(s *v1alpha1.WorkloadScopeStatus, kind string, c Condition, now time.Time) {
	status := metav1.ConditionFalse
	if c.Status {
		status = metav1.ConditionTrue
	}
	old := meta.FindStatusCondition(s.Conditions, kind)
	if old != nil && c.gone() && old.Reason != c.Reason {
		meta.RemoveStatusCondition(&s.Conditions, kind)
	}
	meta.SetStatusCondition(&s.Conditions, metav1.Condition{
		Type: kind, Status: status, ObservedGeneration: s.ObservedGeneration,
		LastTransitionTime: metav1.NewTime(now.UTC().Truncate(time.Second)),
		Reason:             c.Reason, Message: c.Message,
	})
}
