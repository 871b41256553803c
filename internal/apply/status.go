package apply

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
)

// attempts is how often a status is computed anew because somebody else wrote it meanwhile.
const attempts = 5

// Status replaces the status of a scope by what next makes of it, and returns what it was and what it became; both are
// the same where next changes nothing, and then nothing is written. Learners and the leader write the same statuses: where one was
// faster, next is asked again with what is there now, so nobody's part is lost. The scope itself is not changed.
func (a *Applier) Status(
	ctx context.Context, scope *v1alpha1.WorkloadScope, next func(v1alpha1.WorkloadScopeStatus) v1alpha1.WorkloadScopeStatus,
) (before, after v1alpha1.WorkloadScopeStatus, err error) {
	key := types.NamespacedName{Namespace: scope.Namespace, Name: scope.Name}
	for range attempts {
		before = scope.Status
		after = next(*before.DeepCopy())
		if equality.Semantic.DeepEqual(before, after) {
			return before, before, nil
		}
		if err = a.limiter.Wait(ctx); err != nil {
			break
		}
		update := scope.DeepCopy()
		update.Status = after
		err = a.client.Status().Update(ctx, update, FieldOwner)
		if err == nil {
			return before, after, nil
		}
		if !apierrors.IsConflict(err) {
			break
		}
		scope = &v1alpha1.WorkloadScope{}
		if err = a.client.Get(ctx, key, scope); err != nil {
			break
		}
	}
	return before, before, fmt.Errorf("write status of WorkloadScope %s: %w", key, err)
}
