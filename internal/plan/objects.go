package plan

import (
	"strings"
	"time"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// suppressAnnotation lists what istioctl analyze need not say of an object: isEnvoyFilter, which it says of every EnvoyFilter there
// is, would otherwise come once for each lazy workload.
const (
	suppressAnnotation = "galley.istio.io/analyze-suppress"
	isEnvoyFilter      = "IST0133"
)

// newSidecar makes a workload's Sidecar; warmSince is zero unless it has warm hosts.
func newSidecar(c *candidate, s spec, warmSince time.Time) *networkingv1.Sidecar {
	out := &networkingv1.Sidecar{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.istio.io/v1", Kind: "Sidecar"},
		ObjectMeta: marked(c.object, strings.TrimPrefix(c.object.Name, objectPrefix)),
	}
	if !warmSince.IsZero() {
		out.Annotations[convert.WarmSinceAnnotation] = warmSince.UTC().Format(time.RFC3339Nano)
	}
	s.into(&out.Spec)
	return out
}

func newRule(c *candidate, s spec) *networkingv1alpha3.EnvoyFilter {
	out := &networkingv1alpha3.EnvoyFilter{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.istio.io/v1alpha3", Kind: "EnvoyFilter"},
		ObjectMeta: marked(c.object, strings.TrimPrefix(c.object.Name, objectPrefix)),
	}
	out.Annotations[suppressAnnotation] = isEnvoyFilter
	s.into(&out.Spec)
	return out
}

// divertRule makes a workload's divert rule. If one takes the place of an observing rule, or begins to divert pods' addresses,
// it bears the time, since it may be relied on only when it has reached every proxy.
func (w *world) divertRule(c *candidate, s spec) *networkingv1alpha3.EnvoyFilter {
	out := newRule(c, s)
	if w.podCIDRs != "" {
		out.Annotations[convert.PodCIDRsAnnotation] = w.podCIDRs
	}
	switch {
	case c.rule == nil:
	case c.rule.Observes, w.podCIDRs != "" && c.rule.PodCIDRs != w.podCIDRs:
		out.Annotations[convert.DivertsSinceAnnotation] = w.now.UTC().Format(time.RFC3339Nano)
	case !c.rule.DivertsSince.Equal(c.rule.Created):
		out.Annotations[convert.DivertsSinceAnnotation] = c.rule.DivertsSince.UTC().Format(time.RFC3339Nano)
	}
	return out
}

func newScope(key mesh.WorkloadKey, name string) *v1alpha1.WorkloadScope {
	return &v1alpha1.WorkloadScope{
		TypeMeta:   metav1.TypeMeta{APIVersion: v1alpha1.GroupVersion.String(), Kind: "WorkloadScope"},
		ObjectMeta: marked(mesh.Key{Namespace: key.Namespace, Name: name}, ScopeName(key)),
		Spec:       v1alpha1.WorkloadScopeSpec{Workload: v1alpha1.WorkloadReference{Kind: key.Kind, Name: key.Name}},
	}
}

// marked is the metadata of an object that we own, for the workload whose scope is called so by default.
func marked(object mesh.Key, scope string) metav1.ObjectMeta {
	out := metadata(object)
	out.Labels = map[string]string{convert.ManagedByLabel: convert.ManagedBy, ScopeLabel: shorten(scope, maxLabel)}
	out.Annotations = map[string]string{}
	return out
}

// explain writes the reason for a change on the object itself.
func (c *Change) explain() {
	switch {
	case c.Sidecar != nil:
		c.Sidecar.Annotations[WhyAnnotation] = c.Why
	case c.Policy != nil:
		c.Policy.Annotations[WhyAnnotation] = c.Why
	case c.EnvoyFilter != nil:
		c.EnvoyFilter.Annotations[WhyAnnotation] = c.Why
	default:
		c.Scope.Annotations[WhyAnnotation] = c.Why
	}
}
