package watch

import (
	"fmt"
	"net/netip"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// watchOf makes a watch that has seen these objects.
func watchOf(t *testing.T, jobs []*batchv1.Job, pods []*corev1.Pod) *Watch {
	t.Helper()
	store := func() toolscache.Indexer { return toolscache.NewIndexer(toolscache.MetaNamespaceKeyFunc, nil) }
	w := &Watch{stores: stores{
		deployments: store(), statefulSets: store(), daemonSets: store(), cronJobs: store(), replicaSets: store(), jobs: store(), pods: store(),
	}, addresses: newAddressBook()}
	w.owners = owners{replicaSets: w.stores.replicaSets, jobs: w.stores.jobs}
	for _, job := range jobs {
		if err := w.stores.jobs.Add(job); err != nil {
			t.Fatal(err)
		}
	}
	for _, pod := range pods {
		if err := w.stores.pods.Add(pod); err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func controlledBy(p *corev1.Pod, version, kind, name string) *corev1.Pod {
	yes := true
	p.OwnerReferences = []metav1.OwnerReference{{APIVersion: version, Kind: kind, Name: name, Controller: &yes}}
	p.Status.PodIP = p.Status.PodIPs[0].IP
	return p
}

func TestWorkloadsFromPods(t *testing.T) {
	clone := func(name, address string) *corev1.Pod {
		p := controlledBy(pod(name, 0, address), "apps.kruise.io/v1beta1", "StatefulSet", "db")
		p.Spec.InitContainers = []corev1.Container{{Name: convert.ProxyContainer, Env: []corev1.EnvVar{{Name: convert.DNSCapture, Value: "true"}}}}
		p.Status.InitContainerStatuses = []corev1.ContainerStatus{{Name: convert.ProxyContainer, Started: new(true)}}
		p.Labels = map[string]string{"app": "db", "statefulset.kubernetes.io/pod-name": name}
		return p
	}
	// The set of that name that Kubernetes itself knows is deleted; its pods are about to be.
	deleted := controlledBy(pod("web-0", 0, "10.0.0.9"), "apps/v1", "StatefulSet", "web")
	starting := clone("db-3", "10.0.0.4")
	starting.Status.InitContainerStatuses[0].Started = new(false)
	w := watchOf(t, nil, []*corev1.Pod{clone("db-0", "10.0.0.1"), clone("db-1", "10.0.0.2"), ended(clone("db-2", "10.0.0.3"), 9), starting, deleted})
	got := w.workloads()
	if len(got) != 1 || got[0].WorkloadKey != (mesh.WorkloadKey{Namespace: "demo", Kind: "StatefulSet", Name: "db"}) {
		t.Fatalf("workloads: %+v, want the one of an unwatched group", got)
	}
	if db := got[0]; !db.AnswersDNS || db.Running != 2 || db.WithSidecar != 2 || len(db.Selector) != 1 || db.Selector["app"] != "db" {
		t.Errorf("workload: %+v, want two pods with the label app in common", db)
	}
}

// TestFinishedJobs sees 5,000 Jobs that have finished and still exist, pods and all: none is a workload, and none of their
// addresses is remembered, however often they are seen.
func TestFinishedJobs(t *testing.T) {
	var jobs []*batchv1.Job
	var pods []*corev1.Pod
	for i := range 5000 {
		name := fmt.Sprintf("job-%d", i)
		job := &batchv1.Job{ObjectMeta: metav1.ObjectMeta{Namespace: "demo", Name: name}}
		job.Status.Conditions = []batchv1.JobCondition{{Type: batchv1.JobComplete, Status: corev1.ConditionTrue}}
		jobs = append(jobs, job)
		address := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String()
		pods = append(pods, ended(controlledBy(pod(name, 0, address), "batch/v1", "Job", name), 30))
	}
	w := watchOf(t, jobs, pods)
	if got := w.workloads(); len(got) != 0 {
		t.Errorf("%d workloads", len(got))
	}
	for _, seconds := range []int{31, 60, 300, 600} {
		for _, pod := range pods {
			w.addresses.note(pod, at(seconds))
		}
	}
	if len(w.addresses.holders)+len(w.addresses.pods) != 0 {
		t.Errorf("%d addresses and %d pods are remembered", len(w.addresses.holders), len(w.addresses.pods))
	}
}
