package plan

import (
	"cmp"
	"slices"
	"time"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// candidate is a workload that is or was lazy or could be, with all there is about it.
type candidate struct {
	key      mesh.WorkloadKey // zero if only objects of ours are left
	object   mesh.Key         // of its Sidecar and its divert rule
	workload *mesh.Workload   // nil if it is gone
	scope    *mesh.Scope      // the one that counts; nil for none
	spare    []*mesh.Scope    // further ones for the same workload
	sidecar  *mesh.Sidecar    // ours, in the cluster; nil for none
	rule     *mesh.DivertRule // ours, in the cluster; nil for none
	turn     time.Duration    // how long it waits when all are due at once
}

// candidates gathers every workload, every WorkloadScope and every object of ours, in the order of their objects' keys.
func candidates(w *world) []*candidate {
	byObject := map[mesh.Key]*candidate{}
	get := func(object mesh.Key, key mesh.WorkloadKey) *candidate {
		c := byObject[object]
		if c == nil {
			c = &candidate{object: object, sidecar: w.sidecars[object], rule: w.rules[object]}
			byObject[object] = c
		}
		if c.key.IsZero() {
			c.key = key
		}
		return c
	}
	forWorkload := func(key mesh.WorkloadKey) *candidate {
		return get(mesh.Key{Namespace: key.Namespace, Name: ObjectName(key)}, key)
	}
	for i := range w.snapshot.Workloads {
		c := forWorkload(w.snapshot.Workloads[i].WorkloadKey)
		c.workload = keepSelector(c, &w.snapshot.Workloads[i])
	}
	for _, scope := range sortedPointers(w.snapshot.Scopes, preferred) {
		if c := forWorkload(scope.Workload); c.scope == nil {
			c.scope = scope
		} else {
			c.spare = append(c.spare, scope)
		}
	}
	for object := range w.sidecars {
		get(object, mesh.WorkloadKey{})
	}
	for object := range w.rules {
		get(object, mesh.WorkloadKey{})
	}
	out := make([]*candidate, 0, len(byObject))
	for _, c := range byObject {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *candidate) int {
		return cmp.Or(a.key.Compare(b.key), a.object.Compare(b.object))
	})
	return out
}

// keepSelector leaves a selector that is derived from pods as it was while it still picks all of them: what pods have in common
// varies with every update, and each change of the selector takes the workload back to the full scope for a while.
func keepSelector(c *candidate, workload *mesh.Workload) *mesh.Workload {
	var held map[string]string
	switch {
	case !workload.FromPods:
		return workload
	case c.sidecar != nil:
		held = c.sidecar.Selector
	case c.rule != nil:
		held = c.rule.Selector
	}
	if !selects(held, workload.Labels) {
		return workload
	}
	kept := *workload
	kept.Selector = held
	return &kept
}

// Scopes picks the WorkloadScope that counts for each workload: the one with the default name, else the first by name.
func Scopes(all []mesh.Scope) map[mesh.WorkloadKey]mesh.Scope {
	out := make(map[mesh.WorkloadKey]mesh.Scope, len(all))
	for _, scope := range sortedPointers(all, preferred) {
		if _, taken := out[scope.Workload]; !taken {
			out[scope.Workload] = *scope
		}
	}
	return out
}

func preferred(a, b *mesh.Scope) int {
	rank := func(s *mesh.Scope) int {
		if s.Name == ScopeName(s.Workload) {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Compare(b.Key))
}
