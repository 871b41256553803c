package watch

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	typev1beta1 "istio.io/api/type/v1beta1"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/internal/convert"
)

const template = `
metadata:
  labels: {app: web, sidecar.istio.io/inject: "true"}
  annotations: {lazy-xds: "true", sidecar.istio.io/interceptionMode: NONE, inject.istio.io/templates: gateway, example.com/note: long}
spec:
  serviceAccountName: shop
  hostNetwork: true
  volumes: [{name: v}]
  initContainers: [{name: istio-init, image: proxy}]
  containers:
  - {name: app, image: web, env: [{name: A, value: b}]}
  - {name: istio-proxy, image: proxy, args: [proxy, router, --domain, x]}
`

// TestTrimKeepsWhatIsRead converts objects before and after they are trimmed: a cache must not change a decision.
func TestTrimKeepsWhatIsRead(t *testing.T) {
	var spec corev1.PodTemplateSpec
	if err := yaml.Unmarshal([]byte(template), &spec); err != nil {
		t.Fatal(err)
	}
	owner := metav1.ObjectMeta{
		Namespace: "demo", Name: "web", UID: "u", Annotations: map[string]string{"lazy-xds": "false", "example.com/note": "long"},
		ManagedFields: []metav1.ManagedFieldsEntry{{Manager: "kubectl"}},
	}
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	check := func(name string, object any, read func() any) {
		t.Helper()
		want := read()
		for range 2 { // the second time it is trimmed already
			if _, err := trim(object); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, read()); diff != "" {
				t.Errorf("%s reads differently (-before +after):\n%s", name, diff)
			}
		}
	}
	first := func(a any, _ bool) any { return a }

	deployment := &appsv1.Deployment{ObjectMeta: owner, Spec: appsv1.DeploymentSpec{Selector: selector, Template: *spec.DeepCopy()}}
	check("Deployment", deployment, func() any { return convert.Deployment(deployment) })
	stateful := &appsv1.StatefulSet{ObjectMeta: owner, Spec: appsv1.StatefulSetSpec{Selector: selector, Template: *spec.DeepCopy()}}
	check("StatefulSet", stateful, func() any { return convert.StatefulSet(stateful) })
	daemon := &appsv1.DaemonSet{ObjectMeta: owner, Spec: appsv1.DaemonSetSpec{Selector: selector, Template: *spec.DeepCopy()}}
	check("DaemonSet", daemon, func() any { return convert.DaemonSet(daemon) })
	lone := &appsv1.ReplicaSet{ObjectMeta: owner, Spec: appsv1.ReplicaSetSpec{Selector: selector, Template: *spec.DeepCopy()}}
	check("ReplicaSet", lone, func() any { return first(convert.ReplicaSet(lone)) })
	job := &batchv1.Job{ObjectMeta: owner, Spec: batchv1.JobSpec{Selector: selector, Template: *spec.DeepCopy()}}
	check("Job", job, func() any { return first(convert.Job(job)) })
	cron := &batchv1.CronJob{ObjectMeta: owner}
	cron.Spec.JobTemplate.Annotations = map[string]string{"lazy-xds": "true"}
	cron.Spec.JobTemplate.Spec.Template = *spec.DeepCopy()
	check("CronJob", cron, func() any { return convert.CronJob(cron) })

	rule := &networkingv1.DestinationRule{ObjectMeta: owner}
	rule.Spec.Host, rule.Spec.ExportTo = "web", []string{"shop"}
	check("DestinationRule", rule, func() any { return convert.DestinationRule(rule, "cluster.local") })
	selective := &networkingv1.DestinationRule{ObjectMeta: owner}
	selective.Spec.WorkloadSelector = &typev1beta1.WorkloadSelector{MatchLabels: map[string]string{"app": "web"}}
	check("selective DestinationRule", selective, func() any { return convert.DestinationRule(selective, "cluster.local") })

	p := &corev1.Pod{ObjectMeta: spec.ObjectMeta, Spec: *spec.Spec.DeepCopy()}
	p.Spec.HostNetwork = false
	p.Status = ended(pod("a", 0, "10.1.2.3", "fd00::3"), 30).Status
	p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: convert.ProxyContainer, Started: new(true), Image: "proxyv2"}}
	p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady}}
	for i := range p.Spec.Containers {
		p.Spec.Containers[i].Env = []corev1.EnvVar{{Name: "OTHER", Value: "x"}, {Name: convert.DNSCapture, Value: "true"}}
	}
	if !convert.AnswersDNS(p) {
		t.Error("the proxy is not seen to answer DNS queries")
	}
	check("Pod", p, func() any {
		end, done := convert.PodEnd(p)
		workload, ok := convert.Pod(p)
		return []any{end, done, workload, ok, convert.HasSidecar(p), convert.ProxyStarted(p), convert.AnswersDNS(p), convert.PodOwner(p), len(convert.PodAddresses(p))}
	})
	if len(p.Spec.Containers) != 1 || len(p.Spec.Containers[0].Env) != 1 || p.Status.Conditions != nil || p.Annotations["example.com/note"] != "" || deployment.ManagedFields != nil {
		t.Errorf("too much is kept: %+v", p)
	}
}

func TestTrimKeepsIstiodsImage(t *testing.T) {
	p := &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "discovery", Image: "istio/pilot:1.29.1", Args: []string{"x"}}}}}
	if _, err := trim(p); err != nil {
		t.Fatal(err)
	}
	want := []corev1.Container{{Name: "discovery", Image: "istio/pilot:1.29.1"}}
	if diff := cmp.Diff(want, p.Spec.Containers); diff != "" {
		t.Errorf("unexpected containers (-want +got):\n%s", diff)
	}
}
