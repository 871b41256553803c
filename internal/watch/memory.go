package watch

import (
	"errors"
	"sync"

	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// memory keeps the costly conversions of the last snapshot for the next one.
type memory struct {
	services         conversions[mesh.Service]
	serviceEntries   conversions[[]mesh.Service]
	sidecars         conversions[mesh.Sidecar]
	divertRules      conversions[mesh.DivertRule]
	scopes           conversions[mesh.Scope]
	destinationRules conversions[mesh.DestinationRule]
	meshConfigs      conversions[convert.MeshConfig]
	envoyFilters     conversions[[]mesh.Reference]
	policies         conversions[mesh.Policy]
}

// conversions are remembered by the identity and version of the objects.
type conversions[T any] struct {
	mu   sync.Mutex
	done map[types.UID]conversion[T]
}

type conversion[T any] struct {
	version string
	value   T
	err     error
}

// memorize converts the objects, those that did not change since the last time by remembering. Objects that cannot be
// converted are left out and reported.
func memorize[O client.Object, T any](c *conversions[T], objects []O, convert func(O) (T, error)) ([]T, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := make(map[types.UID]conversion[T], len(objects))
	values := make([]T, 0, len(objects))
	var errs []error
	for _, o := range objects {
		known, ok := c.done[o.GetUID()]
		if !ok || known.version != o.GetResourceVersion() {
			value, err := convert(o)
			known = conversion[T]{version: o.GetResourceVersion(), value: value, err: err}
		}
		done[o.GetUID()] = known
		if known.err != nil {
			errs = append(errs, known.err)
			continue
		}
		values = append(values, known.value)
	}
	c.done = done
	return values, errors.Join(errs...)
}

// infallible makes a conversion that cannot fail fit memorize.
func infallible[O, T any](convert func(O) T) func(O) (T, error) {
	return func(o O) (T, error) { return convert(o), nil }
}
