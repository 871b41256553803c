package plan

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// drained is when proxies have closed the connections that they hold to an older configuration: Istio gives them 45 s.
const drained = time.Minute

// nobody is a principal that no workload has. Istio takes no DENY policy without a rule.
const nobody = "nobody"

// mustRefuse tells whether a policy is one that the fallback must not be measured by. Through it a server sees the egress's
// identity and address, whoever calls:
//
//	policy                          | the fallback                | in scope, before any traffic
//	--------------------------------+-----------------------------+------------------------------
//	tells no callers apart          | is as good as any caller    | -
//	ALLOW, names callers            | is refused by it            | for the workloads it names
//	ALLOW, names the egress as well | must be refused: by ours    | for all
//	ALLOW, names who may not        | must be refused: by ours    | for all
//	DENY, names any callers         | must be refused: by ours    | for all
//	CUSTOM                          | must be refused: by ours    | for all
//	ours                            | is refused, or was just now | for all
func (w *world) mustRefuse(p *mesh.Policy) bool {
	switch {
	case refusal(p):
		return false
	case p.Action == mesh.Custom:
		return true
	case p.Action == mesh.Deny:
		return len(p.Callers) > 0
	}
	egress := mesh.Identity(w.cfg.EgressNamespace, EgressName)
	return slices.ContainsFunc(p.Callers, func(c mesh.Caller) bool { return c.Opaque || c.Matches(egress) })
}

// refusal tells whether a policy is one of ours that refuses the fallback.
func refusal(p *mesh.Policy) bool { return p.Ours && strings.HasPrefix(p.Name, refusalPrefix) }

func sortedPolicies(w *world) []*mesh.Policy {
	return sortedPointers(w.snapshot.Policies, func(a, b *mesh.Policy) int { return a.Compare(b.Key) })
}

// guards are the services whose servers tell callers apart.
type guards struct {
	all        []reasoned
	named      []namedGuard
	byIdentity map[string][]reasoned
}

// namedGuard is what an ALLOW policy guards, which names callers.
type namedGuard struct {
	callers  []mesh.Caller
	services []reasoned
}

func newGuards(w *world) *guards {
	g := &guards{byIdentity: map[string][]reasoned{}}
	f := guardFinder{world: w, servers: map[*mesh.Service][]*mesh.Workload{}}
	var refused []reasoned
	for _, policy := range sortedPolicies(w) {
		switch {
		case refusal(policy):
			w.refusals[policy.Key] = policy
			refused = append(refused, f.guarded(policy, "refuses the fallback, or did until just now")...)
		case w.mustRefuse(policy):
			g.all = append(g.all, f.guarded(policy, "tells callers apart")...)
		case policy.Action == mesh.Allow && len(policy.Callers) > 0:
			g.named = append(g.named, namedGuard{policy.Callers, f.guarded(policy, "names it as a caller")})
		}
	}
	g.all = append(g.all, refused...) // the user's policies are the better reason
	return g
}

// seenFrom are the guarded services that are in scope of all workloads of a namespace.
func (g *guards) seenFrom(namespace string) []reasoned {
	var out []reasoned
	for _, r := range g.all {
		if mesh.Visible(r.service.ExportTo, r.service.Namespace, namespace) {
			out = append(out, r)
		}
	}
	return out
}

// naming are the guarded services whose policies name an identity.
func (g *guards) naming(identity string) []reasoned {
	if known, ok := g.byIdentity[identity]; ok {
		return known
	}
	var out []reasoned
	for _, guard := range g.named {
		if slices.ContainsFunc(guard.callers, func(c mesh.Caller) bool { return c.Matches(identity) }) {
			out = append(out, guard.services...)
		}
	}
	g.byIdentity[identity] = out
	return out
}

// refuseFallback plans an AuthorizationPolicy beside each one that the fallback must not be measured by. When that one is gone,
// ours refuses nobody any more, and goes itself when no connection remembers it; the services are in scope until then.
func (w *world) refuseFallback(p *Plan) {
	wanted := map[mesh.Key]bool{}
	for _, policy := range sortedPolicies(w) {
		if !w.mustRefuse(policy) || w.namespaces[policy.Namespace].Terminating {
			continue
		}
		key := mesh.Key{Namespace: policy.Namespace, Name: refusalPrefix + shorten(policy.Name, maxName-len(refusalPrefix))}
		wanted[key] = true
		s := refusalSpec(policy, w.fallbackSources(policy)...)
		if live := w.refusals[key]; live == nil || !live.ReleasedAt.IsZero() || !s.same(live.Spec) {
			p.policy(refuse, newRefusal(key, s), "AuthorizationPolicy "+policy.Name+" tells callers apart, which the fallback hides")
		}
	}
	for _, live := range sortedPolicies(w) {
		if refusal(live) && !wanted[live.Key] && !w.namespaces[live.Namespace].Terminating {
			w.release(p, live)
		}
	}
}

func (w *world) release(p *Plan, live *mesh.Policy) {
	switch {
	case live.ReleasedAt.IsZero() || live.ReleasedAt.After(w.now):
		refusal := newRefusal(live.Key, refusalSpec(live, source{"principals": {nobody}}))
		refusal.Annotations[convert.ReleasedAtAnnotation] = w.now.UTC().Format(time.RFC3339Nano)
		p.policy(release, refusal, "refuses nobody any more, and goes once no connection remembers that it did")
		p.wake(w.now.Add(drained))
	case w.now.Sub(live.ReleasedAt) < drained:
		p.wake(live.ReleasedAt.Add(drained))
	default:
		p.Changes = append(p.Changes, Change{
			Verb: Delete, Key: live.Key, Policy: &securityv1.AuthorizationPolicy{ObjectMeta: metadata(live.Key)},
			Why: "no AuthorizationPolicy needs it any more", phase: release,
		})
	}
}

// source is what a rule asks of a caller.
type source map[string][]string

// fallbackSources are what servers may see of the egress that a policy holds for: its name, in whatever trust domain, or, where they
// take plaintext, its addresses. By those it is only refused where the policy's verdict may depend on them: without an
// identity it is otherwise any caller's equal.
func (w *world) fallbackSources(p *mesh.Policy) []source {
	out := []source{{"principals": {"*" + mesh.Identity(w.cfg.EgressNamespace, EgressName)}}}
	byAddress := p.Action == mesh.Custom || slices.ContainsFunc(p.Callers, func(c mesh.Caller) bool { return c.ByAddress })
	if !byAddress || len(w.snapshot.Egress.Addresses) == 0 {
		return out
	}
	var addresses []string
	for _, address := range slices.SortedFunc(slices.Values(w.snapshot.Egress.Addresses), netip.Addr.Compare) {
		addresses = append(addresses, address.String())
	}
	return append(out, source{"ipBlocks": slices.Compact(addresses)})
}

// refusalSpec refuses callers where a policy holds.
func refusalSpec(p *mesh.Policy, callers ...source) spec {
	var from []map[string]any
	for _, caller := range callers {
		from = append(from, map[string]any{"source": caller})
	}
	return parseSpec(p.Target).with("action", "DENY").with("rules", []map[string]any{{"from": from}})
}

func newRefusal(key mesh.Key, s spec) *securityv1.AuthorizationPolicy {
	out := &securityv1.AuthorizationPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "security.istio.io/v1", Kind: "AuthorizationPolicy"},
		ObjectMeta: metadata(key),
	}
	out.Labels = map[string]string{convert.ManagedByLabel: convert.ManagedBy}
	out.Annotations = map[string]string{}
	s.into(&out.Spec)
	return out
}

func (p *Plan) policy(at phase, policy *securityv1.AuthorizationPolicy, why string) {
	key := mesh.Key{Namespace: policy.Namespace, Name: policy.Name}
	change := Change{Verb: Apply, Key: key, Policy: policy, Why: why, phase: at}
	change.explain()
	p.Changes = append(p.Changes, change)
}
