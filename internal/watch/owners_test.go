package watch

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

func TestWorkloadBehindAPod(t *testing.T) {
	yes := true
	meta := func(name, version, ownerKind, owner string) metav1.ObjectMeta {
		m := metav1.ObjectMeta{Namespace: "demo", Name: name}
		if owner != "" {
			m.OwnerReferences = []metav1.OwnerReference{{APIVersion: version, Kind: ownerKind, Name: owner, Controller: &yes}}
		}
		return m
	}
	o := owners{
		replicaSets: toolscache.NewStore(toolscache.MetaNamespaceKeyFunc),
		jobs:        toolscache.NewStore(toolscache.MetaNamespaceKeyFunc),
	}
	for _, rs := range []metav1.ObjectMeta{
		meta("web-5d9", "apps/v1", "Deployment", "web"), meta("lone", "", "", ""), meta("roll-7c", "argoproj.io/v1alpha1", "Rollout", "roll"),
	} {
		if err := o.replicaSets.Add(&appsv1.ReplicaSet{ObjectMeta: rs}); err != nil {
			t.Fatal(err)
		}
	}
	for _, job := range []metav1.ObjectMeta{
		meta("nightly-29384710", "batch/v1", "CronJob", "nightly"), meta("backup-20260101", "", "", ""),
	} {
		if err := o.jobs.Add(&batchv1.Job{ObjectMeta: job}); err != nil {
			t.Fatal(err)
		}
	}
	key := func(kind, name string) mesh.WorkloadKey {
		return mesh.WorkloadKey{Namespace: "demo", Kind: kind, Name: name}
	}
	tests := map[string]struct {
		owner convert.Owner
		want  mesh.WorkloadKey
	}{
		"deployment":               {convert.Owner{WorkloadKey: key("ReplicaSet", "web-5d9")}, key("Deployment", "web")},
		"replica set of its own":   {convert.Owner{WorkloadKey: key("ReplicaSet", "lone")}, key("ReplicaSet", "lone")},
		"replica set of a rollout": {convert.Owner{WorkloadKey: key("ReplicaSet", "roll-7c")}, key("Rollout", "roll")},
		"replica set of others":    {convert.Owner{WorkloadKey: key("ReplicaSet", "web-5d9"), Unwatched: true}, key("ReplicaSet", "web-5d9")},
		"replica set not seen yet": {
			convert.Owner{WorkloadKey: key("ReplicaSet", "new-1"), Guess: key("Deployment", "new")}, key("Deployment", "new"),
		},
		"unknown replica set": {convert.Owner{WorkloadKey: key("ReplicaSet", "x")}, key("ReplicaSet", "x")},
		"cron job": {
			convert.Owner{WorkloadKey: key("Job", "nightly-29384710"), Guess: key("CronJob", "nightly")}, key("CronJob", "nightly"),
		},
		"job named like a cron job's": {
			convert.Owner{WorkloadKey: key("Job", "backup-20260101"), Guess: key("CronJob", "backup")}, key("Job", "backup-20260101"),
		},
		"stateful set": {convert.Owner{WorkloadKey: key("StatefulSet", "db")}, key("StatefulSet", "db")},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := o.workload(tt.owner); got.WorkloadKey != tt.want {
				t.Errorf("workload = %v, want %v", got, tt.want)
			}
		})
	}
}
