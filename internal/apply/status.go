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

// Rewrite is what became of a status.
type Rewrite struct {
	Before, After v1alpha1.WorkloadScopeStatus
}

// Status replaces the status of a scope by what next makes of it. It writes nothing where that makes no difference, and then
// returns nil. Learners and the leader write the same statuses: where another one was faster, next is asked again about what
// is there now, so that nobody's part is lost. The scope itself is not changed.
func (a *Applier) Status(
	ctx context.Context, scope *v1alpha1.WorkloadScope, next func(v1alpha1.WorkloadScopeStatus) v1alpha1.WorkloadScopeStatus,
) (*Rewrite, error) {
	key := types.NamespacedName{Namespace: scope.Namespace, Name: scope.Name}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for attempt := 1; ; attempt++ {
		rewrite := &Rewrite{Before: scope.Status, After: next(*scope.Status.DeepCopy())}
		if equality.Semantic.DeepEqual(rewrite.Before, rewrite.After) {
			return nil, nil
		}
		if err := a.limiter.Wait(ctx); err != nil {
			return nil, fmt.Errorf("wait to write status of WorkloadScope %s: %w", key, err)
		}
		update := scope.DeepCopy()
		update.Status = rewrite.After
		err := a.client.Status().Update(ctx, update, FieldOwner)
		if err == nil {
			return rewrite, nil
		}
		if !apierrors.IsConflict(err) || attempt == attempts {
			return nil, fmt.Errorf("write status of WorkloadScope %s: %w", key, err)
		}
		scope = &v1alpha1.WorkloadScope{}
		if err := a.client.Get(ctx, key, scope); err != nil {
			return nil, fmt.Errorf("read WorkloadScope %s after a conflict: %w", key, err)
		}
	}
}
