package apply

import (
	"context"
	"fmt"

	coordinationv1 "k8s.io/api/coordination/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lazyxds/lazyxds/internal/plan"
)

// removeLease deletes the Lease by which the controller's replicas choose their leader. A controller makes it by itself, so
// it belongs to no installation and stays unless it is deleted here.
func removeLease(ctx context.Context, c client.Client, opts CleanupOptions) error {
	key := types.NamespacedName{Namespace: opts.Namespace, Name: plan.ControllerName}
	lease, err := look(ctx, c, coordinationv1.SchemeGroupVersion.WithKind("Lease"), key)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read Lease %s: %w", key, err)
	}
	opts.Progress(fmt.Sprintf("delete Lease %s", key))
	if opts.DryRun {
		return nil
	}
	if err := remove(ctx, c, lease); err != nil {
		return fmt.Errorf("delete Lease %s: %w", key, err)
	}
	return nil
}
