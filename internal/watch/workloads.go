package watch

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// workloads lists the owners of pods, with what is known of their pods.
func (w *Watch) workloads() []mesh.Workload {
	var out []mesh.Workload
	for _, d := range all[appsv1.Deployment](w.stores.deployments) {
		out = append(out, convert.Deployment(d))
	}
	for _, s := range all[appsv1.StatefulSet](w.stores.statefulSets) {
		out = append(out, convert.StatefulSet(s))
	}
	for _, d := range all[appsv1.DaemonSet](w.stores.daemonSets) {
		out = append(out, convert.DaemonSet(d))
	}
	for _, c := range all[batchv1.CronJob](w.stores.cronJobs) {
		out = append(out, convert.CronJob(c))
	}
	out = appendKnown(out, all[appsv1.ReplicaSet](w.stores.replicaSets), convert.ReplicaSet)
	out = appendKnown(out, all[batchv1.Job](w.stores.jobs), convert.Job)
	pods := all[corev1.Pod](w.stores.pods)
	out = appendKnown(out, pods, convert.Pod)
	owned := w.byOwner(pods)
	out = appendUnwatched(out, owned)
	countPods(out, owned)
	return out
}

// byOwner groups pods by their workload.
func (w *Watch) byOwner(pods []*corev1.Pod) map[convert.Owner][]*corev1.Pod {
	out := map[convert.Owner][]*corev1.Pod{}
	for _, pod := range pods {
		owner := w.owners.workload(convert.PodOwner(pod))
		owner.Guess = mesh.WorkloadKey{}
		out[owner] = append(out[owner], pod)
	}
	return out
}

// appendUnwatched appends the owners of kinds that are not watched, as far as their pods tell of them. One that is called like
// another workload, in another API group, is left out: a key names one workload.
func appendUnwatched(out []mesh.Workload, owned map[convert.Owner][]*corev1.Pod) []mesh.Workload {
	known := make(map[mesh.WorkloadKey]bool, len(out))
	for i := range out {
		known[out[i].WorkloadKey] = true
	}
	for owner, pods := range owned {
		if !owner.Unwatched || known[owner.WorkloadKey] {
			continue
		}
		if workload, ok := convert.Unwatched(owner.WorkloadKey, pods); ok {
			out = append(out, workload)
		}
	}
	return out
}

// appendKnown appends the objects that are workloads of their own.
func appendKnown[O any](out []mesh.Workload, objects []O, convert func(O) (mesh.Workload, bool)) []mesh.Workload {
	for _, o := range objects {
		if workload, ok := convert(o); ok {
			out = append(out, workload)
		}
	}
	return out
}

// countPods fills in how many pods of each workload run, and what their proxies do.
func countPods(workloads []mesh.Workload, owned map[convert.Owner][]*corev1.Pod) {
	for i := range workloads {
		workload := &workloads[i]
		for _, pod := range owned[convert.Owner{WorkloadKey: workload.WorkloadKey, Unwatched: workload.FromPods}] {
			if _, ended := convert.PodEnd(pod); ended {
				continue
			}
			workload.AnswersDNS = workload.AnswersDNS || convert.AnswersDNS(pod)
			if len(pod.Status.PodIP) == 0 {
				continue
			}
			switch {
			case !convert.HasSidecar(pod):
				workload.Running++
			case convert.ProxyStarted(pod):
				workload.Running++
				workload.WithSidecar++
			}
		}
	}
}
