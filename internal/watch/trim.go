package watch

import (
	"strings"

	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
)

// annotationDomains are the parts of annotation names that anything here reads.
var annotationDomains = []string{convert.LazyAnnotation, "istio.io/", "lazyxds.io/"}

// trim drops from an object on its way into the cache what nobody will ask for: a large cluster's pods would otherwise
// take most of the controller's memory.
func trim(object any) (any, error) {
	if accessor, err := meta.Accessor(object); err == nil {
		accessor.SetManagedFields(nil)
		accessor.SetAnnotations(trimAnnotations(accessor.GetAnnotations()))
	}
	switch o := object.(type) {
	case *corev1.Pod:
		o.Spec = trimPodSpec(&o.Spec)
		o.Status = trimPodStatus(&o.Status)
	case *corev1.Service:
		o.Status = corev1.ServiceStatus{}
	case *corev1.Namespace:
		o.Spec, o.Status = corev1.NamespaceSpec{}, corev1.NamespaceStatus{}
	case *appsv1.Deployment:
		o.Spec = appsv1.DeploymentSpec{Selector: o.Spec.Selector, Template: trimTemplate(&o.Spec.Template)}
		o.Status = appsv1.DeploymentStatus{}
	case *appsv1.StatefulSet:
		o.Spec = appsv1.StatefulSetSpec{Selector: o.Spec.Selector, Template: trimTemplate(&o.Spec.Template)}
		o.Status = appsv1.StatefulSetStatus{}
	case *appsv1.DaemonSet:
		o.Spec = appsv1.DaemonSetSpec{Selector: o.Spec.Selector, Template: trimTemplate(&o.Spec.Template)}
		o.Status = appsv1.DaemonSetStatus{}
	case *appsv1.ReplicaSet:
		trimReplicaSet(o)
	case *batchv1.Job:
		o.Spec = batchv1.JobSpec{Selector: o.Spec.Selector, Template: trimTemplate(&o.Spec.Template)}
		o.Status = batchv1.JobStatus{Conditions: o.Status.Conditions}
	case *batchv1.CronJob:
		job := &o.Spec.JobTemplate
		job.Annotations = trimAnnotations(job.Annotations)
		job.Spec = batchv1.JobSpec{Template: trimTemplate(&job.Spec.Template)}
		o.Status = batchv1.CronJobStatus{}
	case *networkingv1.DestinationRule:
		o.Spec = networkingapi.DestinationRule{Host: o.Spec.Host, ExportTo: o.Spec.ExportTo, WorkloadSelector: o.Spec.WorkloadSelector}
	default:
		trimRoute(object)
	}
	return object, nil
}

// trimRoute drops what a route of the Gateway API tells of each of its parents.
func trimRoute(object any) {
	switch o := object.(type) {
	case *gatewayv1.HTTPRoute:
		o.Status = gatewayv1.HTTPRouteStatus{}
	case *gatewayv1.GRPCRoute:
		o.Status = gatewayv1.GRPCRouteStatus{}
	case *gatewayv1.TLSRoute:
		o.Status = gatewayv1.TLSRouteStatus{}
	case *gatewayv1.TCPRoute:
		o.Status = gatewayv1.TCPRouteStatus{}
	}
}

// trimReplicaSet keeps of a ReplicaSet that something controls only by what: there are ten of them for each Deployment.
func trimReplicaSet(rs *appsv1.ReplicaSet) {
	rs.Status = appsv1.ReplicaSetStatus{}
	if metav1.GetControllerOf(rs) != nil {
		rs.Spec, rs.Labels = appsv1.ReplicaSetSpec{}, nil
		return
	}
	rs.Spec = appsv1.ReplicaSetSpec{Selector: rs.Spec.Selector, Template: trimTemplate(&rs.Spec.Template)}
}

func trimAnnotations(in map[string]string) map[string]string {
	var out map[string]string
	for name, value := range in {
		for _, domain := range annotationDomains {
			if strings.Contains(name, domain) {
				if out == nil {
					out = map[string]string{}
				}
				out[name] = value
				break
			}
		}
	}
	// Written by the injector into every pod, and longer than everything else together.
	delete(out, "sidecar.istio.io/status")
	return out
}

func trimTemplate(t *corev1.PodTemplateSpec) corev1.PodTemplateSpec {
	return corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: t.Labels, Annotations: trimAnnotations(t.Annotations)},
		Spec:       trimPodSpec(&t.Spec),
	}
}

func trimPodSpec(s *corev1.PodSpec) corev1.PodSpec {
	return corev1.PodSpec{
		ServiceAccountName: s.ServiceAccountName,
		HostNetwork:        s.HostNetwork,
		InitContainers:     trimContainers(s.InitContainers),
		Containers:         trimContainers(s.Containers),
	}
}

// trimContainers keeps the two that are looked at: the proxy's mode is in its arguments, whether it answers DNS queries in its
// environment, istiod's version in its image.
func trimContainers(in []corev1.Container) []corev1.Container {
	var out []corev1.Container
	for i := range in {
		switch c := &in[i]; c.Name {
		case convert.ProxyContainer:
			kept := corev1.Container{Name: c.Name, Args: c.Args[:min(2, len(c.Args))]}
			for _, variable := range c.Env {
				if variable.Name == convert.DNSCapture {
					kept.Env = append(kept.Env, variable)
				}
			}
			out = append(out, kept)
		case istiodContainer:
			out = append(out, corev1.Container{Name: c.Name, Image: c.Image})
		}
	}
	return out
}

func trimPodStatus(s *corev1.PodStatus) corev1.PodStatus {
	out := corev1.PodStatus{
		Phase: s.Phase, PodIP: s.PodIP, PodIPs: s.PodIPs,
		ContainerStatuses: trimProxyStatus(s.ContainerStatuses), InitContainerStatuses: trimProxyStatus(s.InitContainerStatuses),
	}
	if s.Phase != corev1.PodSucceeded && s.Phase != corev1.PodFailed {
		return out
	}
	for i := range s.ContainerStatuses {
		if t := s.ContainerStatuses[i].State.Terminated; t != nil {
			ended := corev1.ContainerStateTerminated{FinishedAt: t.FinishedAt}
			out.ContainerStatuses = append(out.ContainerStatuses,
				corev1.ContainerStatus{State: corev1.ContainerState{Terminated: &ended}})
		}
	}
	return out
}

// trimProxyStatus keeps whether the proxy has started.
func trimProxyStatus(in []corev1.ContainerStatus) []corev1.ContainerStatus {
	for i := range in {
		if in[i].Name == convert.ProxyContainer {
			return []corev1.ContainerStatus{{Name: in[i].Name, Started: in[i].Started}}
		}
	}
	return nil
}
