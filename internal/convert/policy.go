package convert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	securityapi "istio.io/api/security/v1beta1"
	typeapi "istio.io/api/type/v1beta1"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// everybody is the pattern of all identities.
const everybody = "*"

// targetGroups are the API groups of what a policy can be attached to within its namespace, by kind.
var targetGroups = map[string][]string{
	"Service": {"", "core"}, "ServiceEntry": {"networking.istio.io"}, "Gateway": {"gateway.networking.k8s.io"},
}

// callerHeaders are the request headers by which proxies tell servers of each other.
var callerHeaders = []string{"x-forwarded-client-cert", "x-envoy-peer-metadata", "x-envoy-peer-metadata-id"}

// DryRun tells whether Istio only tries an AuthorizationPolicy, or audits by it, and so refuses nobody because of it.
func DryRun(p *securityv1.AuthorizationPolicy) bool {
	return p.Annotations["istio.io/dry-run"] == "true" || p.Spec.Action == securityapi.AuthorizationPolicy_AUDIT
}

// Policy converts an AuthorizationPolicy that is enforced.
func Policy(p *securityv1.AuthorizationPolicy) (mesh.Policy, error) {
	out := mesh.Policy{Key: key(p), Ours: Ours(p), Selector: p.Spec.GetSelector().GetMatchLabels()}
	switch p.Spec.Action {
	case securityapi.AuthorizationPolicy_DENY:
		out.Action = mesh.Deny
	case securityapi.AuthorizationPolicy_CUSTOM:
		out.Action = mesh.Custom
	}
	refs := p.Spec.GetTargetRefs()
	if ref := p.Spec.GetTargetRef(); ref != nil {
		refs = append([]*typeapi.PolicyTargetReference{ref}, refs...)
	}
	out.Attached = len(refs) > 0
	for _, ref := range refs {
		if slices.Contains(targetGroups[ref.GetKind()], ref.GetGroup()) {
			out.Targets = append(out.Targets, mesh.PolicyTarget{Kind: ref.GetKind(), Name: ref.GetName()})
		}
	}
	for _, rule := range p.Spec.Rules {
		out.Callers = append(out.Callers, callers(rule, p.Namespace)...)
	}
	var err error
	if out.Target, err = json.Marshal(&securityapi.AuthorizationPolicy{
		Selector: p.Spec.Selector, TargetRef: p.Spec.TargetRef, TargetRefs: p.Spec.TargetRefs,
	}); err != nil {
		return mesh.Policy{}, fmt.Errorf("read target of AuthorizationPolicy %s: %w", out.Key, err)
	}
	if !out.Ours {
		return out, nil
	}
	if out.Spec, err = json.Marshal(&p.Spec); err != nil {
		return mesh.Policy{}, fmt.Errorf("read spec of AuthorizationPolicy %s: %w", out.Key, err)
	}
	if at, err := time.Parse(time.RFC3339, p.Annotations[ReleasedAtAnnotation]); err == nil {
		out.ReleasedAt = at
	}
	return out, nil
}

// callers are the alternatives of a rule that depend on who calls. What a request carries with it, as a JWT, arrives through
// the fallback as it was, and so is none of it.
func callers(rule *securityapi.Rule, namespace string) []mesh.Caller {
	sources := []*securityapi.Source{nil}
	if len(rule.GetFrom()) > 0 {
		sources = nil
		for _, from := range rule.GetFrom() {
			sources = append(sources, from.GetSource())
		}
	}
	var out []mesh.Caller
	for _, source := range sources {
		caller := mesh.Caller{Opaque: opaque(source), ByAddress: byAddress(source)}
		addNames(&caller, source.GetPrincipals(), principal)
		addNames(&caller, source.GetNamespaces(), anyAccount)
		addNames(&caller, source.GetServiceAccounts(), account(namespace))
		for _, condition := range rule.GetWhen() {
			addCondition(&caller, condition, namespace)
		}
		if caller.Opaque || len(caller.Names) > 0 {
			out = append(out, caller)
		}
	}
	return out
}

// opaque tells whether a source asks of the caller what no list of names answers.
func opaque(s *securityapi.Source) bool {
	return byAddress(s) || 0 < len(s.GetNotPrincipals())+len(s.GetNotNamespaces())+len(s.GetNotServiceAccounts())+
		len(s.GetTrustDomains())+len(s.GetNotTrustDomains())
}

// byAddress tells whether a source asks for the caller's address.
func byAddress(s *securityapi.Source) bool {
	return 0 < len(s.GetIpBlocks())+len(s.GetNotIpBlocks())+len(s.GetRemoteIpBlocks())+len(s.GetNotRemoteIpBlocks())
}

func addCondition(c *mesh.Caller, condition *securityapi.Condition, namespace string) {
	key := condition.GetKey()
	named := map[string]func(string) string{
		"source.principal": principal, "source.namespace": anyAccount, "source.serviceAccount": account(namespace),
	}[key]
	hasPrefix := func(prefix string) bool { return strings.HasPrefix(key, prefix) }
	switch {
	case named != nil && len(condition.GetNotValues()) == 0:
		addNames(c, condition.GetValues(), named)
	case named != nil, describesCaller(key):
		c.Opaque = true
	case slices.ContainsFunc([]string{"source.", "remote.", "experimental."}, hasPrefix):
		c.Opaque, c.ByAddress = true, true
	}
}

// describesCaller tells whether a condition looks at a header by which the caller's proxy describes itself.
func describesCaller(key string) bool {
	header, ok := strings.CutPrefix(key, "request.headers[")
	return ok && slices.Contains(callerHeaders, strings.ToLower(strings.TrimSuffix(header, "]")))
}

func addNames(c *mesh.Caller, values []string, pattern func(string) string) {
	var names []string
	for _, value := range values {
		names = append(names, pattern(value))
	}
	if len(names) > 0 && !slices.Contains(names, everybody) {
		c.Names = append(c.Names, names)
	}
}

// principal is the pattern of a principal, "cluster.local/ns/demo/sa/web", without its trust domain. Like everything that can
// be a pattern here it may begin or end with "*".
func principal(value string) string {
	if i := strings.Index(value, "/ns/"); i >= 0 {
		return value[i:]
	}
	if !strings.HasPrefix(value, "*") && strings.HasSuffix(value, "*") {
		return everybody // of a trust domain
	}
	return value
}

func anyAccount(namespace string) string {
	if namespace == "*" {
		return everybody
	}
	return mesh.Identity(namespace, "*")
}

// account is the pattern of a service account, of the policy's own namespace unless it names another.
func account(own string) func(string) string {
	return func(value string) string {
		namespace, name, qualified := strings.Cut(value, "/")
		if !qualified {
			return mesh.Identity(own, value)
		}
		return mesh.Identity(namespace, name)
	}
}
