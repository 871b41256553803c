package apply

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"google.golang.org/protobuf/proto"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/plan"
)

// ErrForeign is the error for an object that has the name of one of ours and belongs to somebody else.
var ErrForeign = errors.New("exists and is not managed by LazyXDS")

// Change carries out one change of a plan.
func (a *Applier) Change(ctx context.Context, c plan.Change) error {
	if err := a.limiter.Wait(ctx); err != nil {
		return fmt.Errorf("wait to %s %s %s: %w", c.Verb, c.Kind(), c.Key, err)
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := a.change(ctx, c); err != nil {
		return fmt.Errorf("%s %s %s: %w", c.Verb, c.Kind(), c.Key, err)
	}
	return nil
}

func (a *Applier) change(ctx context.Context, c plan.Change) error {
	if c.Verb == plan.Delete {
		return deleteOurs(ctx, a.client, kinds[c.Kind()], c.Key)
	}
	switch {
	case c.Sidecar != nil:
		live := &networkingv1.Sidecar{}
		return a.write(ctx, c.Sidecar, live, &c.Sidecar.Spec, &live.Spec)
	case c.EnvoyFilter != nil:
		live := &networkingv1alpha3.EnvoyFilter{}
		return a.write(ctx, c.EnvoyFilter, live, &c.EnvoyFilter.Spec, &live.Spec)
	case c.Policy != nil:
		live := &securityv1.AuthorizationPolicy{}
		return a.write(ctx, c.Policy, live, &c.Policy.Spec, &live.Spec)
	case c.Scope != nil:
		// One that exists already is as good: the next snapshot shows it.
		return client.IgnoreAlreadyExists(a.client.Create(ctx, c.Scope.DeepCopy(), FieldOwner))
	default:
		return errors.New("nothing to write")
	}
}

// write makes a live object, empty so far, what we want. Server-side apply leaves alone what others added to the spec; there
// is nothing to add to a spec of ours, so then the whole is replaced.
func (a *Applier) write(ctx context.Context, want, live client.Object, wantSpec, liveSpec proto.Message) error {
	if err := a.serverSideApply(ctx, want, live, wantSpec); err != nil {
		return err
	}
	if proto.Equal(liveSpec, wantSpec) {
		return nil
	}
	proto.Reset(liveSpec)
	proto.Merge(liveSpec, wantSpec)
	return a.client.Update(ctx, live, FieldOwner)
}

// patch is the body of a server-side apply: what we want of an object, and no more.
type patch struct {
	APIVersion string          `json:"apiVersion"`
	Kind       string          `json:"kind"`
	Metadata   patchMetadata   `json:"metadata"`
	Spec       json.RawMessage `json:"spec"`
}

type patchMetadata struct {
	Name        string            `json:"name"`
	Namespace   string            `json:"namespace"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
}

func (a *Applier) patchOf(want client.Object, wantSpec proto.Message) (client.Patch, error) {
	gvk, err := a.client.GroupVersionKindFor(want)
	if err != nil {
		return nil, fmt.Errorf("find its kind: %w", err)
	}
	spec, err := json.Marshal(wantSpec)
	if err != nil {
		return nil, fmt.Errorf("encode spec: %w", err)
	}
	body, err := json.Marshal(patch{
		APIVersion: gvk.GroupVersion().String(), Kind: gvk.Kind, Spec: spec,
		Metadata: patchMetadata{
			Name: want.GetName(), Namespace: want.GetNamespace(), Labels: want.GetLabels(), Annotations: want.GetAnnotations(),
		},
	})
	if err != nil {
		return nil, fmt.Errorf("encode patch: %w", err)
	}
	return client.RawPatch(types.ApplyPatchType, body), nil
}

// serverSideApply leaves the outcome in live. It takes fields over from others only on objects of ours: hand edits are
// reverted, a foreign object that happens to have the name is not.
func (a *Applier) serverSideApply(ctx context.Context, want, live client.Object, wantSpec proto.Message) error {
	patch, err := a.patchOf(want, wantSpec)
	if err != nil {
		return err
	}
	live.SetNamespace(want.GetNamespace())
	live.SetName(want.GetName())
	err = a.client.Patch(ctx, live, patch, FieldOwner)
	if !apierrors.IsConflict(err) {
		return err
	}
	gvk, err := a.client.GroupVersionKindFor(live)
	if err != nil {
		return fmt.Errorf("find its kind: %w", err)
	}
	found, err := look(ctx, a.client, gvk, client.ObjectKeyFromObject(want))
	if err != nil {
		return fmt.Errorf("read it after a conflict: %w", err)
	}
	if !convert.Ours(found) {
		return ErrForeign
	}
	return a.client.Patch(ctx, live, patch, FieldOwner, client.ForceOwnership)
}
