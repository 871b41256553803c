package convert

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Namespace converts a Namespace.
func Namespace(n *corev1.Namespace) mesh.Namespace {
	injection := n.Labels["istio-injection"]
	return mesh.Namespace{
		Name:        n.Name,
		Lazy:        n.Annotations[LazyAnnotation],
		Inject:      injection == "enabled" || (injection != "disabled" && n.Labels["istio.io/rev"] != ""),
		Terminating: n.DeletionTimestamp != nil,
		Patterns:    patternsOf(n.Annotations),
	}
}
