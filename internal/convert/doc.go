// Package convert turns API objects into the values of package mesh, the way Istio itself reads them. It is pure:
// package watch feeds it from informers, and the planner's tests feed it from YAML.
package convert

import (
	"slices"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// The marks by which LazyXDS and its users talk through object metadata.
const (
	// LazyAnnotation enrols a Namespace, a Service or a workload.
	LazyAnnotation = "lazy-xds"
	// IncludeAnnotation and ExcludeAnnotation list patterns for the scopes of the workloads of a Namespace, of a Service or
	// of an owner, separated by commas.
	IncludeAnnotation = "lazyxds.io/include"
	ExcludeAnnotation = "lazyxds.io/exclude"
	// ManagedByLabel with the value ManagedBy marks the objects LazyXDS writes; others are never touched.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// ManagedBy is the value of ManagedByLabel on our objects.
	ManagedBy = "lazyxds"
	// WidenedAtAnnotation is set on a divert rule when its workload gets the full scope back: the time, in RFC 3339. The
	// rule has to outlive the Sidecar until every proxy has taken the change, and nothing else remembers since when.
	WidenedAtAnnotation = "lazyxds.io/widened-at"
	// DivertsSinceAnnotation is set on a divert rule that at first only observed, or did not divert pods' addresses: since when
	// it diverts all that it does now, in RFC 3339, or DivertsNever. Without it, the rule diverts since it was created.
	DivertsSinceAnnotation = "lazyxds.io/diverts-since"
	// PodCIDRsAnnotation is set on a divert rule that diverts pods' addresses too: their ranges, separated by commas.
	PodCIDRsAnnotation = "lazyxds.io/pod-cidrs"
	// DivertsNever is the value of DivertsSinceAnnotation while a workload is observed.
	DivertsNever = "never"
	// WarmSinceAnnotation is set on a Sidecar of ours while it has a warm listener: the time of the listener's last change, in
	// RFC 3339. The clusters it makes exist need a moment before, or after, routes name them.
	WarmSinceAnnotation = "lazyxds.io/warm-since"
	// ReleasedAtAnnotation is set on an AuthorizationPolicy of ours when it refuses nobody any more: the time, in RFC 3339. It
	// stays until the proxies have drained the connections that knew it otherwise.
	ReleasedAtAnnotation = "lazyxds.io/released-at"
	// WarmListener is the name of the port of a warm listener: the egress listener of a Sidecar of ours that only makes
	// clusters exist.
	WarmListener = "lazyxds-warm"
)

// Ours reports whether LazyXDS manages the object.
func Ours(o metav1.Object) bool { return o.GetLabels()[ManagedByLabel] == ManagedBy }

// patternsOf reads the patterns of several sets of annotations, which add up.
func patternsOf(annotations ...map[string]string) mesh.Patterns {
	var out mesh.Patterns
	for _, a := range annotations {
		out.Include = append(out.Include, splitList(a[IncludeAnnotation])...)
		out.Exclude = append(out.Exclude, splitList(a[ExcludeAnnotation])...)
	}
	return out
}

func key(o metav1.Object) mesh.Key { return mesh.Key{Namespace: o.GetNamespace(), Name: o.GetName()} }

// sortedHosts drops duplicates and empty names, so that equal objects convert to equal values.
func sortedHosts(hosts []mesh.Host) []mesh.Host {
	slices.Sort(hosts)
	hosts = slices.Compact(hosts)
	if len(hosts) > 0 && hosts[0] == "" {
		return hosts[1:]
	}
	return hosts
}
