package watch

import (
	"cmp"
	"slices"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// byWorkload is the index of WorkloadScopes by the workload they are for.
const byWorkload = "workload"

func scopeWorkload(object any) ([]string, error) {
	scope, ok := object.(*v1alpha1.WorkloadScope)
	if !ok {
		return nil, nil
	}
	return []string{convert.Scope(scope).Workload.String()}, nil
}

// Scope returns the WorkloadScope of that name, which nobody may change.
func (w *Watch) Scope(key mesh.Key) (*v1alpha1.WorkloadScope, bool) {
	return get[v1alpha1.WorkloadScope](w.stores.scopes, key)
}

// ScopesOf lists the WorkloadScopes for a workload by name: one, unless users made others beside it. Nobody may change them.
func (w *Watch) ScopesOf(workload mesh.WorkloadKey) []*v1alpha1.WorkloadScope {
	objects, err := w.stores.scopes.ByIndex(byWorkload, workload.String())
	if err != nil {
		return nil // no such index: impossible, it was made with the store
	}
	out := make([]*v1alpha1.WorkloadScope, 0, len(objects))
	for _, object := range objects {
		if scope, ok := object.(*v1alpha1.WorkloadScope); ok {
			out = append(out, scope)
		}
	}
	slices.SortFunc(out, func(a, b *v1alpha1.WorkloadScope) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
