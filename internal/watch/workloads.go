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
	w.countPods(out, pods)
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

func (w *Watch) countPods(workloads []mesh.Workload, pods []*corev1.Pod) {
	index := make(map[mesh.WorkloadKey]*mesh.Workload, len(workloads))
	for i := range workloads {
		index[workloads[i].WorkloadKey] = &workloads[i]
	}
	for _, pod := range pods {
		if _, ended := convert.PodEnd(pod); ended || len(pod.Status.PodIP) == 0 {
			continue
		}
		workload := index[w.owners.workload(convert.PodOwner(pod))]
		if workload == nil {
			continue
		}
		workload.Running++
		if convert.HasSidecar(pod) {
			workload.WithSidecar++
		}
	}
}
