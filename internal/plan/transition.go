package plan

import (
	"fmt"
	"strings"
	"time"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// step plans one workload. What it does depends on the verdict and on what the cluster holds:
//
//	verdict | rule           | Sidecar | now
//	--------+----------------+---------+-----------------------------------------------------------------
//	lazy    | any            | -       | wait while the fallback is not ready, or not for long enough
//	lazy    | -              | -       | apply the rule, and the Sidecar with it if no proxy runs yet
//	lazy    | observes       | -       | make it divert as well, and the Sidecar with it if no proxy runs yet
//	lazy    | since < Settle | -       | wait
//	lazy    | since ≥ Settle | -       | apply the Sidecar
//	lazy    | any            | yes     | apply whichever differs
//	full    | any            | yes     | warm all clusters, then delete the Sidecar and note the time on the rule
//	full    | widened < outlives | -   | wait (a rule without the note gets it now)
//	full    | widened ≥ outlives, or observes | - | delete the rule
//	full    | -              | -       | delete the WorkloadScope, unless someone may still need it
//	observe | -, or as above | -       | apply the observing rule, instead of deleting the divert rule
//	observe | else           | any     | as for full
//
// A Sidecar changes in steps, which [imports] lists.
//
// An enrolled workload has a WorkloadScope in either case: it tells why the workload is not lazy. A namespace that is being
// deleted takes everything with it: nothing is written there.
func (w *world) step(p *Plan, c *candidate) {
	if w.namespaces[c.object.Namespace].Terminating {
		return
	}
	v := w.judge(p, c)
	if !v.enrolled && c.scope == nil && c.sidecar == nil && c.rule == nil {
		return
	}
	out := w.describe(c, v)
	switch {
	case v.mode == lazy:
		w.narrow(p, c, &out, v.reports)
	case v.mode == observe && w.widened(c, w.cfg.Settle):
		w.observe(p, c)
	case c.sidecar != nil || c.rule != nil:
		w.widen(p, c, v)
	case !v.enrolled && w.forget(p, c, v.ready.Message):
		return
	}
	if v.enrolled && c.scope == nil {
		p.change(c, createScope, Change{Key: out.scopeKey(), Scope: newScope(c.key, out.ScopeName), Why: "enrolled"})
	}
	if out.ScopeName != "" {
		p.Workloads = append(p.Workloads, out)
	}
	p.Workloads = append(p.Workloads, w.duplicates(p, c)...)
}

// narrow brings a lazy workload forward.
func (w *world) narrow(p *Plan, c *candidate, out *Workload, reports bool) {
	if why := w.tooEarly(p, c); why != "" {
		out.Ready = Condition{false, "EgressNotReady", why}
		return
	}
	rules := w.view(c.key.Namespace).rules
	rule := rules.silent.selecting(c.workload.Selector)
	if reports {
		rule = rules.reporting.selecting(c.workload.Selector)
	}
	if w.stale(c, rule) && !w.needsPods(c, out.Hosts) {
		p.change(c, divert, Change{EnvoyFilter: w.divertRule(c, rule), Why: "sends what is not in scope to the fallback egress"})
	}
	if settled := w.settled(c); settled.After(w.now) {
		p.wake(settled)
		out.Ready = Condition{false, "Settling", "its divert rule is given time to reach every proxy"}
		return
	}
	if until := w.ruleSettled(c); w.podCIDRs != "" && until.After(w.now) {
		p.wake(until) // to let go of headless services
	}
	w.narrowTo(p, c, out)
}

// narrowTo brings the Sidecar a step closer to the scope, where it is not yet what it should be.
func (w *world) narrowTo(p *Plan, c *candidate, out *Workload) {
	scope, held := sidecarHosts(out.Hosts), importsOf(c.sidecar)
	next := held
	switch {
	case c.workload.WithSidecar == 0:
		next = imports{hosts: scope}
	case c.sidecar == nil:
		next = imports{scope, everything}
	case !w.warming(c.sidecar):
		next = held.toward(scope, w.exists)
	}
	out.Ready = Condition{true, "Lazy", "it gets what is in its scope; everything else takes the fallback egress"}
	why := "its scope changed"
	if c.sidecar == nil {
		out.Ready = Condition{false, "Narrowing", "its Sidecar is being written"}
		why = "narrows it to its scope"
		p.notice(c, Normal, "LazyEnabled", fmt.Sprintf("%d services in scope", out.services()))
		w.writeSidecar(p, c, narrow, next, w.sidecarSpec(c.workload.Selector, next), why)
		return
	}
	if held.warmsAll() {
		out.Ready = Condition{false, "Narrowing", "requests under way still find their clusters"}
	}
	if learned := brings(out.Hosts, held, next); len(learned) > 0 {
		why = "learned " + list(learned)
		p.notice(c, Normal, "DependencyLearned", "now in scope: "+list(learned))
	} else if len(held.warm) > 0 {
		why = "its clusters were warm"
	}
	w.writeSidecar(p, c, adjust, next, w.sidecarSpec(c.workload.Selector, next), why)
}

// widen gives a workload the full scope back: all clusters come first, then the Sidecar goes, and the rule when every proxy
// has the rest.
func (w *world) widen(p *Plan, c *candidate, v verdict) {
	why, wait := v.ready.Message, w.outlives(c, v)
	switch {
	case c.sidecar != nil && !w.holdsAll(c):
		w.warmAll(p, c, why)
	case c.sidecar != nil:
		p.change(c, widenNow, Change{Verb: Delete, Sidecar: &networkingv1.Sidecar{ObjectMeta: metadata(c.object)}, Why: why})
		p.notice(c, Normal, "LazyDisabled", why)
		w.stamp(p, c)
	case w.widened(c, wait):
		filter := &networkingv1alpha3.EnvoyFilter{ObjectMeta: metadata(c.object)}
		p.change(c, undivert, Change{Verb: Delete, EnvoyFilter: filter, Why: why})
	case c.rule.WidenedAt.IsZero() || c.rule.WidenedAt.After(w.now):
		w.stamp(p, c)
	default:
		p.wake(c.rule.WidenedAt.Add(wait))
	}
}

// outlives is how long a divert rule stays when its Sidecar has gone: until every proxy has the full scope. Envoy closes what
// began on the fallback when the rule goes, so that it stays longer where nothing but an opt-out ended laziness: for as long
// as an egress replica that stops goes on serving.
func (w *world) outlives(c *candidate, v verdict) time.Duration {
	if v.enrolled || c.workload == nil || c.workload.WithSidecar == 0 {
		return w.cfg.Settle
	}
	return max(w.cfg.Settle, w.cfg.Drain)
}

// widened tells whether no proxy of the workload needs a divert rule any more, as its Sidecar went so long ago, or ever did.
func (w *world) widened(c *candidate, ago time.Duration) bool {
	if c.sidecar != nil {
		return false
	}
	if c.rule == nil || c.rule.Observes {
		return true
	}
	return !c.rule.WidenedAt.IsZero() && !w.now.Before(c.rule.WidenedAt.Add(ago))
}

// holdsAll tells whether the workload's proxies, if there are any, hold all clusters of the mesh.
func (w *world) holdsAll(c *candidate) bool {
	if c.workload != nil && c.workload.WithSidecar == 0 {
		return true
	}
	return importsOf(c.sidecar).warmsAll() && !w.warming(c.sidecar)
}

// warmAll leaves the Sidecar as it is but for the clusters it makes exist.
func (w *world) warmAll(p *Plan, c *candidate, why string) {
	next := importsOf(c.sidecar)
	if !w.warming(c.sidecar) {
		next.warm = everything
	}
	w.writeSidecar(p, c, widenNow, next, parseSpec(c.sidecar.Spec).with("egress", next.listeners()), why)
}

// stamp notes on the rule, which stays as it is otherwise, that its workload is being widened now.
func (w *world) stamp(p *Plan, c *candidate) {
	if c.rule == nil {
		return
	}
	p.wake(w.now.Add(w.cfg.Settle))
	filter := newRule(c, parseSpec(c.rule.Spec))
	filter.Annotations[convert.WidenedAtAnnotation] = w.now.UTC().Format(time.RFC3339Nano)
	p.change(c, divert, Change{EnvoyFilter: filter, Why: "goes once every proxy has the full scope"})
}

// forget deletes the WorkloadScope of a workload that is not lazy any more, unless it is the user's or the workload may
// come back. It reports whether the scope goes.
func (w *world) forget(p *Plan, c *candidate, why string) bool {
	if !c.scope.Ours || intended(c.scope) {
		return false
	}
	if c.workload == nil {
		since := c.scope.Gone
		if since.IsZero() {
			since = w.now
		}
		if end := since.Add(w.goneTTL(c.key.Kind)); end.After(w.now) {
			p.wake(end)
			return false
		}
	}
	p.dropScope(c, c.scope, why)
	return true
}

func (p *Plan) dropScope(c *candidate, scope *mesh.Scope, why string) {
	object := &v1alpha1.WorkloadScope{ObjectMeta: metadata(scope.Key)}
	p.change(c, forget, Change{Verb: Delete, Key: scope.Key, Scope: object, Why: why})
}

// lookTTL is how long the scope of a workload is kept that cannot come back: for people to see what it called.
const lookTTL = 30 * time.Second

// goneTTL is how long a vanished workload's scope is kept: Jobs and bare Pods do not come back.
func (w *world) goneTTL(kind string) time.Duration {
	if kind == convert.KindJob || kind == convert.KindPod {
		return min(lookTTL, w.cfg.GoneTTL)
	}
	return w.cfg.GoneTTL
}

// intended tells whether the scope's spec says anything that only a user can have written.
func intended(s *mesh.Scope) bool {
	return s.Mode != "" || len(s.Include) > 0 || len(s.Exclude) > 0 || s.IdleTTL != nil
}

// change records a change for a candidate; its key is that of the Sidecar and the divert rule unless it has one.
func (p *Plan) change(c *candidate, at phase, change Change) {
	if change.Verb == "" {
		change.Verb = Apply
	}
	if change.Key == (mesh.Key{}) {
		change.Key = c.object
	}
	change.Workload, change.phase = c.key, at
	if change.Verb == Apply {
		change.explain()
	}
	p.Changes = append(p.Changes, change)
}

func (p *Plan) notice(c *candidate, t NoticeType, reason, message string) {
	if c.key.IsZero() {
		return
	}
	p.Notices = append(p.Notices, Notice{c.key.Kind, c.key.Namespace, c.key.Name, t, reason, message})
}

// list names a few hosts and counts the rest.
func list[T ~string](hosts []T) string {
	const few = 3
	var names []string
	for _, host := range hosts[:min(few, len(hosts))] {
		names = append(names, string(host))
	}
	if more := len(hosts) - few; more > 0 {
		names = append(names, fmt.Sprintf("%d more", more))
	}
	return strings.Join(names, ", ")
}

func metadata(key mesh.Key) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name}
}
