package watch

import (
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	toolscache "k8s.io/client-go/tools/cache"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// owners finds the workload behind a pod's controller.
type owners struct {
	replicaSets, jobs toolscache.Store
}

// workload follows ReplicaSets and Jobs to what controls them. Where they are not seen, or no longer, names must do.
func (o owners) workload(owner convert.Owner) convert.Owner {
	var middle metav1.Object
	if owner.Unwatched {
		return owner
	}
	switch owner.Kind {
	case convert.KindReplicaSet:
		if rs, ok := get[appsv1.ReplicaSet](o.replicaSets, objectOf(owner)); ok {
			middle = rs
		}
	case convert.KindJob:
		if job, ok := get[batchv1.Job](o.jobs, objectOf(owner)); ok {
			middle = job
		}
	default:
		return owner
	}
	if middle == nil {
		if owner.Guess.IsZero() {
			return owner
		}
		return convert.Owner{WorkloadKey: owner.Guess}
	}
	if controller, ok := convert.ControllerOf(middle); ok {
		return controller
	}
	return owner
}

func objectOf(owner convert.Owner) mesh.Key {
	return mesh.Key{Namespace: owner.Namespace, Name: owner.Name}
}

func get[T any](store toolscache.Store, key mesh.Key) (*T, bool) {
	object, found, err := store.GetByKey(key.String())
	if err != nil || !found {
		return nil, false
	}
	typed, ok := object.(*T)
	return typed, ok
}

// all lists a store's objects, which nobody may change.
func all[T any](store toolscache.Store) []*T {
	if store == nil {
		return nil
	}
	objects := store.List()
	out := make([]*T, 0, len(objects))
	for _, object := range objects {
		if typed, ok := object.(*T); ok {
			out = append(out, typed)
		}
	}
	return out
}
