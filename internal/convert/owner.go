package convert

import (
	"regexp"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Owner is what a pod's metadata tells of its workload.
type Owner struct {
	mesh.WorkloadKey
	// Guess is the controller's own controller, as far as names reveal it: a Deployment's ReplicaSets carry the hash that
	// its pods are labelled with, and a CronJob's Jobs end in their scheduled minute. Zero if they reveal nothing.
	Guess mesh.WorkloadKey
	// Unwatched tells that it is of a kind that is not watched: nothing is known of it but its pods.
	Unwatched bool
}

// watchedGroups are the API groups of the kinds of workloads that are watched. Others have kinds of the same names.
var watchedGroups = map[string]string{
	KindDeployment: appsv1.GroupName, KindStatefulSet: appsv1.GroupName, KindDaemonSet: appsv1.GroupName, KindReplicaSet: appsv1.GroupName,
	KindJob: batchv1.GroupName, KindCronJob: batchv1.GroupName,
}

// cronJobName takes apart the name of a Job that a CronJob started: the schedule's time in minutes since 1970.
var cronJobName = regexp.MustCompile(`^(.+)-\d{8,10}$`)

// ControllerOf tells which object controls another, if one does.
func ControllerOf(o metav1.Object) (Owner, bool) {
	ref := metav1.GetControllerOfNoCopy(o)
	if ref == nil {
		return Owner{}, false
	}
	group := schema.FromAPIVersionAndKind(ref.APIVersion, ref.Kind).Group
	watched, ok := watchedGroups[ref.Kind]
	return Owner{
		WorkloadKey: mesh.WorkloadKey{Namespace: o.GetNamespace(), Kind: ref.Kind, Name: ref.Name},
		Unwatched:   !ok || watched != group,
	}, true
}

// PodOwner tells which object controls the pod: the pod itself where nothing does.
func PodOwner(p *corev1.Pod) Owner {
	out, controlled := ControllerOf(p)
	switch {
	case !controlled:
		out.WorkloadKey = mesh.WorkloadKey{Namespace: p.Namespace, Kind: KindPod, Name: p.Name}
	case out.Unwatched:
	case out.Kind == KindReplicaSet:
		hash := p.Labels[appsv1.DefaultDeploymentUniqueLabelKey]
		if name, ok := strings.CutSuffix(out.Name, "-"+hash); ok && hash != "" {
			out.Guess = mesh.WorkloadKey{Namespace: p.Namespace, Kind: KindDeployment, Name: name}
		}
	case out.Kind == KindJob:
		if match := cronJobName.FindStringSubmatch(out.Name); match != nil {
			out.Guess = mesh.WorkloadKey{Namespace: p.Namespace, Kind: KindCronJob, Name: match[1]}
		}
	}
	return out
}
