package apply

import (
	"context"
	"fmt"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

const (
	kindSidecar     = "Sidecar"
	kindEnvoyFilter = "EnvoyFilter"
	kindScope       = "WorkloadScope"
	kindPolicy      = "AuthorizationPolicy"
)

// kinds are those of the objects LazyXDS writes.
var kinds = map[string]schema.GroupVersionKind{
	kindSidecar:     networkingv1.SchemeGroupVersion.WithKind(kindSidecar),
	kindEnvoyFilter: networkingv1alpha3.SchemeGroupVersion.WithKind(kindEnvoyFilter),
	kindScope:       v1alpha1.GroupVersion.WithKind(kindScope),
	kindPolicy:      securityv1.SchemeGroupVersion.WithKind(kindPolicy),
}

// look reads an object's metadata from the API server.
func look(ctx context.Context, c client.Client, kind schema.GroupVersionKind, key types.NamespacedName) (*metav1.PartialObjectMetadata, error) {
	found := &metav1.PartialObjectMetadata{}
	found.SetGroupVersionKind(kind)
	return found, c.Get(ctx, key, found)
}

// deleteOurs deletes an object unless it is gone already, and refuses if it is not ours.
func deleteOurs(ctx context.Context, c client.Client, kind schema.GroupVersionKind, key mesh.Key) error {
	found, err := look(ctx, c, kind, types.NamespacedName{Namespace: key.Namespace, Name: key.Name})
	if apierrors.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("read it: %w", err)
	}
	if !convert.Ours(found) {
		return ErrForeign
	}
	return remove(ctx, c, found)
}

// remove deletes an object just as it was found. What changes in between is not deleted: the preconditions fail, and
// whoever decided looks again.
func remove(ctx context.Context, c client.Client, found *metav1.PartialObjectMetadata) error {
	uid, version := found.GetUID(), found.GetResourceVersion()
	return client.IgnoreNotFound(c.Delete(ctx, found, client.Preconditions{UID: &uid, ResourceVersion: &version}))
}
