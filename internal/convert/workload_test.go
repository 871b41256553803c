package convert_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

func TestDeployment(t *testing.T) {
	d := load[appsv1.Deployment](t, `
metadata: {name: web, namespace: demo, uid: u1, annotations: {lazy-xds: "true"}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web, version: v1, sidecar.istio.io/inject: "true"}, annotations: {lazy-xds: "false", sidecar.istio.io/inject: "false"}}
    spec: {serviceAccountName: shop}
`)
	want := mesh.Workload{
		WorkloadKey: mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"}, UID: "u1",
		Selector: map[string]string{"app": "web"},
		Labels:   map[string]string{"app": "web", "version": "v1", "sidecar.istio.io/inject": "true"},
		Lazy:     "false", Inject: "true", ServiceAccount: "shop",
	}
	if diff := cmp.Diff(want, convert.Deployment(d)); diff != "" {
		t.Errorf("unexpected workload (-want +got):\n%s", diff)
	}
}

func TestGateways(t *testing.T) {
	tests := map[string]struct {
		template string
		want     bool
	}{
		"injected":    {`metadata: {annotations: {inject.istio.io/templates: "gateway"}}`, true},
		"gateway API": {`metadata: {labels: {gateway.networking.k8s.io/gateway-name: gw}}`, true},
		"explicit":    {`spec: {containers: [{name: istio-proxy, args: [proxy, router, --domain]}]}`, true},
		"a sidecar":   {`spec: {containers: [{name: app}, {name: istio-proxy, args: [proxy, sidecar]}]}`, false},
		"custom":      {`metadata: {annotations: {inject.istio.io/templates: "sidecar,extras"}}`, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := &appsv1.Deployment{}
			d.Spec.Template = *load[corev1.PodTemplateSpec](t, tt.template)
			if got := convert.Deployment(d).Gateway; got != tt.want {
				t.Errorf("gateway = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestSelectors(t *testing.T) {
	set := load[appsv1.Deployment](t, `
spec:
  selector: {matchExpressions: [{key: app, operator: In, values: [a, b]}]}
  template: {metadata: {labels: {app: a}}}
`)
	if diff := cmp.Diff(map[string]string{"app": "a"}, convert.Deployment(set).Selector); diff != "" {
		t.Errorf("set-based selector (-want +got):\n%s", diff)
	}
	cron := load[batchv1.CronJob](t, `
metadata: {name: nightly, namespace: demo, annotations: {lazy-xds: "true"}}
spec: {jobTemplate: {metadata: {annotations: {lazy-xds: "false"}}, spec: {template: {metadata: {labels: {app: nightly}}}}}}
`)
	got := convert.CronJob(cron)
	if diff := cmp.Diff(map[string]string{"app": "nightly"}, got.Selector); diff != "" || got.Lazy != "false" {
		t.Errorf("CronJob: lazy %q, selector (-want +got):\n%s", got.Lazy, diff)
	}
	host := load[appsv1.DaemonSet](t, `spec: {selector: {matchLabels: {a: b}}, template: {spec: {hostNetwork: true}}}`)
	if got := convert.DaemonSet(host).Inject; got != "false" {
		t.Errorf("host network: inject = %q, want false", got)
	}
}

func TestJobsAndPodsEnd(t *testing.T) {
	running := load[batchv1.Job](t, `{metadata: {name: once, namespace: demo}, spec: {selector: {matchLabels: {uid: x}}}}`)
	if w, ok := convert.Job(running); !ok || w.Selector["uid"] != "x" {
		t.Errorf("running job: %v, %v", w, ok)
	}
	done := load[batchv1.Job](t, `status: {conditions: [{type: Complete, status: "True"}]}`)
	if _, ok := convert.Job(done); ok {
		t.Error("a complete job is still a workload")
	}
	owned := load[batchv1.Job](t, `metadata: {ownerReferences: [{apiVersion: batch/v1, kind: CronJob, name: c, controller: true}]}`)
	if _, ok := convert.Job(owned); ok {
		t.Error("a CronJob's job is a workload of its own")
	}
	failed := load[corev1.Pod](t, `
status:
  phase: Failed
  podIP: 10.244.0.9
  containerStatuses: [{state: {terminated: {finishedAt: "2026-01-02T03:04:05Z"}}}, {state: {terminated: {finishedAt: "2026-01-02T03:00:00Z"}}}]
`)
	if _, ok := convert.Pod(failed); ok {
		t.Error("a failed pod is still a workload")
	}
	if end, ended := convert.PodEnd(failed); !ended || end.UTC().Format("15:04:05") != "03:04:05" {
		t.Errorf("end of failed pod = %v, %v", end, ended)
	}
}

func TestPodOwner(t *testing.T) {
	deployment := mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"}
	tests := map[string]struct {
		yaml        string
		owner, want mesh.WorkloadKey
	}{
		"deployment": {
			yaml:  `metadata: {name: p, namespace: demo, labels: {pod-template-hash: 5d9}, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d9, controller: true}]}`,
			owner: mesh.WorkloadKey{Namespace: "demo", Kind: "ReplicaSet", Name: "web-5d9"}, want: deployment,
		},
		"lone replica set": {
			yaml:  `metadata: {name: p, namespace: demo, ownerReferences: [{apiVersion: apps/v1, kind: ReplicaSet, name: web-5d9, controller: true}]}`,
			owner: mesh.WorkloadKey{Namespace: "demo", Kind: "ReplicaSet", Name: "web-5d9"},
		},
		"cron job": {
			yaml:  `metadata: {name: p, namespace: demo, ownerReferences: [{apiVersion: batch/v1, kind: Job, name: nightly-29384710, controller: true}]}`,
			owner: mesh.WorkloadKey{Namespace: "demo", Kind: "Job", Name: "nightly-29384710"},
			want:  mesh.WorkloadKey{Namespace: "demo", Kind: "CronJob", Name: "nightly"},
		},
		"nothing": {
			yaml:  `metadata: {name: p, namespace: demo, ownerReferences: [{kind: ConfigMap, name: c}]}`,
			owner: mesh.WorkloadKey{Namespace: "demo", Kind: "Pod", Name: "p"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			want := convert.Owner{WorkloadKey: tt.owner, Guess: tt.want}
			if got := convert.PodOwner(load[corev1.Pod](t, tt.yaml)); got != want {
				t.Errorf("owner = %+v, want %+v", got, want)
			}
		})
	}
}

func TestPodAddresses(t *testing.T) {
	dual := load[corev1.Pod](t, `status: {podIP: 10.244.0.5, podIPs: [{ip: 10.244.0.5}, {ip: "fd00::5"}]}`)
	if got := convert.PodAddresses(dual); len(got) != 2 {
		t.Errorf("dual-stack pod has %v", got)
	}
	host := load[corev1.Pod](t, `{spec: {hostNetwork: true}, status: {podIP: 192.0.2.1}}`)
	if got := convert.PodAddresses(host); got != nil {
		t.Errorf("host network pod has %v", got)
	}
}

func TestUnwatchedOwners(t *testing.T) {
	pod := func(name, labels, rest string) *corev1.Pod {
		return load[corev1.Pod](t, `
metadata:
  name: `+name+`
  creationTimestamp: "2026-01-02T03:04:0`+name[len(name)-1:]+`Z"
  labels: {`+labels+`}
  ownerReferences: [{apiVersion: apps.kruise.io/v1alpha1, kind: CloneSet, name: web, uid: u1, controller: true}]
`+rest)
	}
	const kruise = "apps.kruise.io/cloneset-instance-id: x"
	tests := map[string]struct {
		pods             []*corev1.Pod
		selector, labels map[string]string
	}{
		"one pod": {
			pods:     []*corev1.Pod{pod("web-1", "app: web, version: v1, controller-revision-hash: a, "+kruise, "")},
			selector: map[string]string{"app": "web", "version": "v1"},
			labels: map[string]string{
				"app": "web", "version": "v1", "controller-revision-hash": "a", "apps.kruise.io/cloneset-instance-id": "x",
			},
		},
		"an update": {
			pods:     []*corev1.Pod{pod("web-1", "app: web, version: v1, old: label", ""), pod("web-2", "app: web, version: v2, new: label", "")},
			selector: map[string]string{"app": "web"}, labels: map[string]string{"app": "web"},
		},
		"a finished pod": {
			pods:     []*corev1.Pod{pod("web-1", "app: web", ""), pod("web-2", "app: other", "status: {phase: Failed}")},
			selector: map[string]string{"app": "web"}, labels: map[string]string{"app": "web"},
		},
		"nothing stable": {
			pods:     []*corev1.Pod{pod("web-1", "pod-template-hash: a", "")},
			selector: map[string]string{}, labels: map[string]string{"pod-template-hash": "a"},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			owner := convert.PodOwner(tt.pods[0])
			want := mesh.Workload{
				WorkloadKey: owner.WorkloadKey, UID: "u1", Selector: tt.selector, Labels: tt.labels, FromPods: true, ServiceAccount: "default",
			}
			got, ok := convert.Unwatched(owner.WorkloadKey, tt.pods)
			if diff := cmp.Diff(want, got); diff != "" || !ok || !owner.Unwatched {
				t.Errorf("unexpected workload of %+v (-want +got):\n%s", owner, diff)
			}
		})
	}
}

func TestUnwatchedOwnerFollowsItsNewestPod(t *testing.T) {
	pods := []*corev1.Pod{
		load[corev1.Pod](t, `
metadata:
  name: b
  creationTimestamp: "2026-01-02T03:04:06Z"
  annotations: {lazy-xds: "true"}
  ownerReferences: [{kind: Rollout, controller: true}]
spec: {serviceAccountName: new}
`),
		load[corev1.Pod](t, `
metadata:
  name: a
  creationTimestamp: "2026-01-02T03:04:05Z"
  annotations: {lazy-xds: "false", sidecar.istio.io/interceptionMode: NONE}
spec: {serviceAccountName: old}
`),
	}
	got, ok := convert.Unwatched(mesh.WorkloadKey{Kind: "Rollout"}, pods)
	if !ok || got.Lazy != "true" || got.ServiceAccount != "new" || !got.NoRedirect {
		t.Errorf("workload = %+v, %v", got, ok)
	}
	if _, ok := convert.Unwatched(mesh.WorkloadKey{Kind: "Node"}, pods); ok {
		t.Error("a node's static pods are a workload")
	}
}
