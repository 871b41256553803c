package apply

import (
	"context"
	"fmt"
	"time"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/wait"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/plan"
)

// CleanupOptions say how to remove what LazyXDS wrote.
type CleanupOptions struct {
	// Namespace is where the controller runs. It is scaled to zero first, or it would write again what is being removed.
	Namespace string
	// Warm is how long proxies hold all clusters of the mesh before their Sidecars go.
	Warm time.Duration
	// Settle is how long to wait between Sidecars and divert rules, for all proxies to have their full scope.
	Settle time.Duration
	// DryRun only tells what would be done.
	DryRun bool
	// Progress is told of each step in a line.
	Progress func(string)
}

// Cleanup widens every lazy workload and removes what LazyXDS wrote: Sidecars first, so that no workload is narrow when its
// divert rule goes, and those only when no route they bring back lacks its cluster. It can be repeated at will. The fallback
// egress must outlive it.
func Cleanup(ctx context.Context, c client.Client, opts CleanupOptions) error {
	if err := stopController(ctx, c, opts); err != nil {
		return err
	}
	if err := warmAll(ctx, c, opts); err != nil {
		return err
	}
	widened, err := removeAll(ctx, c, opts, kindSidecar)
	if err != nil {
		return err
	}
	if widened > 0 {
		if err := pause(ctx, opts, opts.Settle, "the proxies to have their full scope"); err != nil {
			return err
		}
	}
	for _, kind := range []string{kindEnvoyFilter, kindScope, kindPolicy} {
		if _, err := removeAll(ctx, c, opts, kind); err != nil {
			return err
		}
	}
	return removeLease(ctx, c, opts)
}

// stopController scales the controller to zero and waits until its pods are gone.
func stopController(ctx context.Context, c client.Client, opts CleanupOptions) error {
	deployment := &appsv1.Deployment{}
	err := c.Get(ctx, types.NamespacedName{Namespace: opts.Namespace, Name: plan.ControllerName}, deployment)
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read Deployment %s/%s: %w", opts.Namespace, plan.ControllerName, err)
	}
	if replicas := deployment.Spec.Replicas; replicas == nil || *replicas > 0 {
		opts.Progress(fmt.Sprintf("scale Deployment %s/%s to 0", opts.Namespace, plan.ControllerName))
		if opts.DryRun {
			return nil
		}
		patch := client.RawPatch(types.MergePatchType, []byte(`{"spec":{"replicas":0}}`))
		if err := c.Patch(ctx, deployment, patch, FieldOwner); err != nil {
			return fmt.Errorf("scale Deployment %s/%s to 0: %w", opts.Namespace, plan.ControllerName, err)
		}
	}
	err = wait.PollUntilContextCancel(ctx, 200*time.Millisecond, true, func(ctx context.Context) (bool, error) {
		pods := &corev1.PodList{}
		err := c.List(ctx, pods, client.InNamespace(opts.Namespace), client.MatchingLabels{"app": plan.ControllerName})
		return len(pods.Items) == 0, err
	})
	if err != nil {
		return fmt.Errorf("wait for the controller to stop: %w", err)
	}
	return nil
}

// warmAll makes the proxies of all lazy workloads hold all clusters of the mesh.
func warmAll(ctx context.Context, c client.Client, opts CleanupOptions) error {
	list := &networkingv1.SidecarList{}
	err := c.List(ctx, list, client.MatchingLabels{convert.ManagedByLabel: convert.ManagedBy})
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("list objects of kind %s: %w", kindSidecar, err)
	}
	for _, sidecar := range list.Items {
		opts.Progress(fmt.Sprintf("warm %s %s/%s", kindSidecar, sidecar.Namespace, sidecar.Name))
		if opts.DryRun {
			continue
		}
		plan.WarmAll(sidecar, time.Now())
		if err := client.IgnoreNotFound(c.Update(ctx, sidecar, FieldOwner)); err != nil {
			return fmt.Errorf("warm %s %s/%s: %w", kindSidecar, sidecar.Namespace, sidecar.Name, err)
		}
	}
	if len(list.Items) == 0 {
		return nil
	}
	return pause(ctx, opts, opts.Warm, "the proxies to hold all clusters")
}

// removeAll deletes all objects of a kind that are ours, and returns how many there were. A kind that the cluster does not
// know, or no longer, has none.
func removeAll(ctx context.Context, c client.Client, opts CleanupOptions, kind string) (int, error) {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(kinds[kind].GroupVersion().WithKind(kind + "List"))
	err := c.List(ctx, list, client.MatchingLabels{convert.ManagedByLabel: convert.ManagedBy})
	if meta.IsNoMatchError(err) || apierrors.IsNotFound(err) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("list objects of kind %s: %w", kind, err)
	}
	for i := range list.Items {
		found := &list.Items[i]
		found.SetGroupVersionKind(kinds[kind])
		opts.Progress(fmt.Sprintf("delete %s %s/%s", kind, found.Namespace, found.Name))
		if opts.DryRun {
			continue
		}
		if err := remove(ctx, c, found); err != nil {
			return 0, fmt.Errorf("delete %s %s/%s: %w", kind, found.Namespace, found.Name, err)
		}
	}
	return len(list.Items), nil
}

// pause waits for what is said, unless this is a dry run.
func pause(ctx context.Context, opts CleanupOptions, d time.Duration, what string) error {
	if opts.DryRun {
		return nil
	}
	opts.Progress(fmt.Sprintf("wait %s for %s", d, what))
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return fmt.Errorf("wait for %s: %w", what, ctx.Err())
	case <-timer.C:
		return nil
	}
}
