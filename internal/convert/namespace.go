package convert

import (
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Namespace converts a Namespace of a mesh that is configured so.
func Namespace(n *corev1.Namespace, config MeshConfig) mesh.Namespace {
	injection := n.Labels["istio-injection"]
	return mesh.Namespace{
		Name:         n.Name,
		Lazy:         n.Annotations[LazyAnnotation],
		Inject:       injection == "enabled" || (injection != "disabled" && n.Labels["istio.io/rev"] != ""),
		Undiscovered: !config.discovers(n.Labels),
		Terminating:  n.DeletionTimestamp != nil,
		Patterns:     patternsOf(n.Annotations),
	}
}
