package convert

import (
	"cmp"
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// kindNode is what owns the mirror pods of a kubelet's static pods, which no injector ever sees.
const kindNode = "Node"

// unstableLabels are put on pods by machines, and differ between the pods of one workload or change when it is updated.
var unstableLabels = map[string]bool{
	// Kubernetes: Deployments, DaemonSets and StatefulSets, and who copies them.
	"pod-template-hash":                  true,
	"controller-revision-hash":           true,
	"pod-template-generation":            true,
	"statefulset.kubernetes.io/pod-name": true,
	"apps.kubernetes.io/pod-index":       true,
	// Kubernetes: Jobs.
	"controller-uid":                           true,
	"job-name":                                 true,
	"batch.kubernetes.io/controller-uid":       true,
	"batch.kubernetes.io/job-name":             true,
	"batch.kubernetes.io/job-completion-index": true,
	// Kubernetes: where a pod runs.
	"topology.kubernetes.io/region": true,
	"topology.kubernetes.io/zone":   true,
	// JobSet.
	"jobset.sigs.k8s.io/job-index":        true,
	"jobset.sigs.k8s.io/job-global-index": true,
	"jobset.sigs.k8s.io/job-key":          true,
	"jobset.sigs.k8s.io/restart-attempt":  true,
	// Argo Rollouts.
	"rollouts-pod-template-hash": true,
	// OpenKruise.
	"apps.kruise.io/cloneset-instance-id": true,
	"lifecycle.apps.kruise.io/state":      true,
	// Istio's injector: "istio.io/rev" and the version change with an update.
	"istio.io/rev":                        true,
	"security.istio.io/tlsMode":           true,
	"service.istio.io/canonical-name":     true,
	"service.istio.io/canonical-revision": true,
}

// Unwatched makes a workload of the pods that an object of an unwatched kind owns, which is how it is known that there is
// one. Its selector is what their labels have in common; all else is read off the newest pod, since its template is the
// one in use. Finished pods tell nothing.
func Unwatched(key mesh.WorkloadKey, pods []*corev1.Pod) (mesh.Workload, bool) {
	pods = slices.DeleteFunc(slices.Clone(pods), podFinished)
	if len(pods) == 0 || key.Kind == kindNode {
		return mesh.Workload{}, false
	}
	newest := slices.MaxFunc(pods, func(a, b *corev1.Pod) int {
		return cmp.Or(a.CreationTimestamp.Compare(b.CreationTimestamp.Time), cmp.Compare(a.Name, b.Name))
	})
	owner := &metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, UID: metav1.GetControllerOf(newest).UID}
	out := workload(key.Kind, owner, nil, &corev1.PodTemplateSpec{ObjectMeta: newest.ObjectMeta, Spec: newest.Spec})
	out.FromPods = true
	out.Labels = maps.Clone(newest.Labels)
	for _, pod := range pods {
		maps.DeleteFunc(out.Labels, func(name, value string) bool { got, ok := pod.Labels[name]; return !ok || got != value })
		template := &corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}
		out.Gateway = out.Gateway || isGateway(template)
		out.NoRedirect = out.NoRedirect || noRedirect(template)
	}
	out.Selector = maps.Clone(out.Labels)
	maps.DeleteFunc(out.Selector, func(name, _ string) bool { return unstableLabels[name] })
	return out, true
}

// noRedirect tells whether the pods' traffic bypasses their sidecars.
func noRedirect(t *corev1.PodTemplateSpec) bool {
	return t.Annotations["sidecar.istio.io/interceptionMode"] == "NONE"
}
