package mesh

import (
	"cmp"
	"fmt"
	"strings"
)

// Host is the fully qualified name of a service as Istio's registry knows it, in lower case without a trailing dot:
// "reviews.demo.svc.cluster.local" for a Kubernetes Service, "api.example.com" or "*.example.com" for a ServiceEntry.
type Host string

// Matches reports whether h, taken as a pattern, covers other. A leading "*" matches any non-empty prefix, which is how
// Istio reads the hosts of VirtualServices and ServiceEntries.
func (h Host) Matches(other Host) bool {
	if h == "*" || h == other {
		return true
	}
	suffix, wild := strings.CutPrefix(string(h), "*")
	return wild && len(other) > len(suffix) && strings.HasSuffix(string(other), suffix)
}

// Key names a namespaced object.
type Key struct {
	Namespace, Name string
}

// String renders the key as kubectl users write it: "namespace/name".
func (k Key) String() string { return k.Namespace + "/" + k.Name }

// Compare orders keys by namespace, then by name.
func (k Key) Compare(o Key) int {
	return cmp.Or(cmp.Compare(k.Namespace, o.Namespace), cmp.Compare(k.Name, o.Name))
}

// WorkloadKey names a workload: the object that owns its pods. For pods that nothing owns it is the Pod itself.
type WorkloadKey struct {
	Namespace string
	Kind      string // Deployment, StatefulSet, DaemonSet, CronJob, Job, ReplicaSet, Pod, or what else owns pods: Rollout
	Name      string
}

// String renders the key for people: "demo/Deployment/reviews-v1".
func (k WorkloadKey) String() string { return fmt.Sprintf("%s/%s/%s", k.Namespace, k.Kind, k.Name) }

// Compare orders workload keys by namespace, kind and name.
func (k WorkloadKey) Compare(o WorkloadKey) int {
	return cmp.Or(cmp.Compare(k.Namespace, o.Namespace), cmp.Compare(k.Kind, o.Kind), cmp.Compare(k.Name, o.Name))
}

// IsZero reports whether the key names nothing.
func (k WorkloadKey) IsZero() bool { return k == WorkloadKey{} }
