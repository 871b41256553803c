package convert

import (
	"cmp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// The kinds of workloads, as WorkloadScopes name them.
const (
	KindDeployment  = "Deployment"
	KindStatefulSet = "StatefulSet"
	KindDaemonSet   = "DaemonSet"
	KindReplicaSet  = "ReplicaSet"
	KindJob         = "Job"
	KindCronJob     = "CronJob"
	KindPod         = "Pod"
)

// injectMark is, as a label or else as an annotation of a pod, the wish for or against a sidecar.
const injectMark = "sidecar.istio.io/inject"

// Deployment converts a Deployment.
func Deployment(d *appsv1.Deployment) mesh.Workload {
	return workload(KindDeployment, d, d.Spec.Selector, &d.Spec.Template)
}

// StatefulSet converts a StatefulSet.
func StatefulSet(s *appsv1.StatefulSet) mesh.Workload {
	return workload(KindStatefulSet, s, s.Spec.Selector, &s.Spec.Template)
}

// DaemonSet converts a DaemonSet.
func DaemonSet(d *appsv1.DaemonSet) mesh.Workload {
	return workload(KindDaemonSet, d, d.Spec.Selector, &d.Spec.Template)
}

// ReplicaSet converts a ReplicaSet; one with a controller is no workload of its own.
func ReplicaSet(r *appsv1.ReplicaSet) (mesh.Workload, bool) {
	if metav1.GetControllerOf(r) != nil {
		return mesh.Workload{}, false
	}
	return workload(KindReplicaSet, r, r.Spec.Selector, &r.Spec.Template), true
}

// Job converts a Job; one with a controller is no workload of its own, and one that has finished is none any more.
func Job(j *batchv1.Job) (mesh.Workload, bool) {
	if metav1.GetControllerOf(j) != nil || jobFinished(j) {
		return mesh.Workload{}, false
	}
	return workload(KindJob, j, j.Spec.Selector, &j.Spec.Template), true
}

func jobFinished(j *batchv1.Job) bool {
	for _, c := range j.Status.Conditions {
		if c.Status == corev1.ConditionTrue && (c.Type == batchv1.JobComplete || c.Type == batchv1.JobFailed) {
			return true
		}
	}
	return false
}

// CronJob converts a CronJob. Its Jobs' own selectors change with every run, so the template's labels serve.
func CronJob(c *batchv1.CronJob) mesh.Workload {
	template := &c.Spec.JobTemplate.Spec.Template
	out := workload(KindCronJob, c, &metav1.LabelSelector{MatchLabels: template.Labels}, template)
	out.Lazy = cmp.Or(template.Annotations[LazyAnnotation], c.Spec.JobTemplate.Annotations[LazyAnnotation], out.Lazy)
	out.Patterns = patternsOf(template.Annotations, c.Spec.JobTemplate.Annotations, c.Annotations)
	return out
}

// Pod converts a pod that nothing controls; finished ones are no workload any more.
func Pod(p *corev1.Pod) (mesh.Workload, bool) {
	if metav1.GetControllerOf(p) != nil || podFinished(p) {
		return mesh.Workload{}, false
	}
	template := &corev1.PodTemplateSpec{ObjectMeta: p.ObjectMeta, Spec: p.Spec}
	out := workload(KindPod, p, &metav1.LabelSelector{MatchLabels: p.Labels}, template)
	out.Patterns = patternsOf(p.Annotations) // it is its own template
	return out, true
}

func workload(kind string, owner metav1.Object, selector *metav1.LabelSelector, t *corev1.PodTemplateSpec) mesh.Workload {
	out := mesh.Workload{
		WorkloadKey:    mesh.WorkloadKey{Namespace: owner.GetNamespace(), Kind: kind, Name: owner.GetName()},
		UID:            string(owner.GetUID()),
		Labels:         t.Labels,
		Lazy:           cmp.Or(t.Annotations[LazyAnnotation], owner.GetAnnotations()[LazyAnnotation]),
		Patterns:       patternsOf(t.Annotations, owner.GetAnnotations()),
		Inject:         cmp.Or(t.Labels[injectMark], t.Annotations[injectMark]),
		Gateway:        isGateway(t),
		NoRedirect:     noRedirect(t),
		HostNetwork:    t.Spec.HostNetwork,
		ServiceAccount: cmp.Or(t.Spec.ServiceAccountName, "default"),
	}
	if t.Spec.HostNetwork {
		out.Inject = "false" // the injector never touches pods on the host's network
	}
	if selector != nil {
		out.Selector = selector.MatchLabels
		if len(selector.MatchLabels) == 0 && len(selector.MatchExpressions) > 0 {
			// A Sidecar cannot express set-based selectors, but the template's labels match the same pods.
			out.Selector = t.Labels
		}
	}
	return out
}

// isGateway recognizes gateways by how Istio deploys them: by injection template, by the Gateway API's label, or with
// the router mode spelled out in the proxy's arguments.
func isGateway(t *corev1.PodTemplateSpec) bool {
	if _, ok := t.Labels["gateway.networking.k8s.io/gateway-name"]; ok {
		return true
	}
	for template := range strings.SplitSeq(t.Annotations["inject.istio.io/templates"], ",") {
		if name := strings.TrimSpace(template); name == "gateway" || name == "waypoint" {
			return true
		}
	}
	proxy := proxyContainer(&t.Spec)
	return proxy != nil && len(proxy.Args) > 1 && proxy.Args[0] == "proxy" &&
		(proxy.Args[1] == "router" || proxy.Args[1] == "waypoint")
}
