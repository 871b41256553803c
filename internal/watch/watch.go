package watch

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Config is what the watch needs to know.
type Config struct {
	// RootNamespace is where istiod runs and mesh-wide configuration lives.
	RootNamespace string
	// EgressNamespace is where the fallback egress runs.
	EgressNamespace string
	// Revision is that of istiod, whose mesh configuration holds; empty for the default one.
	Revision string
	// ClusterDomain is the suffix of the cluster's service names, such as "cluster.local".
	ClusterDomain string
}

// Watch sees the cluster. All its methods may be called at once from several goroutines.
type Watch struct {
	cfg       Config
	scheme    *runtime.Scheme
	stores    stores
	kinds     []source
	mapper    meta.RESTMapper
	missing   []schema.GroupVersionKind // that the cluster did not serve at the start
	owners    owners
	addresses *addressBook
	poke      func()
	synced    []toolscache.InformerSynced
	memory    memory
	standing  standing // of the fallback
	// serviceEvents counts what may change the services, so that who keeps an index of them knows when to make it anew.
	serviceEvents atomic.Int64
}

// New starts to follow everything that decisions depend on, through informers of the given cache, which the caller starts.
// It calls poke, which must not block, after each event that could lead to a different decision.
func New(ctx context.Context, informers cache.Cache, mapper meta.RESTMapper, cfg Config, poke func()) (*Watch, error) {
	w := &Watch{cfg: cfg, scheme: Scheme(), mapper: mapper, addresses: newAddressBook(), poke: poke}
	w.kinds = w.sources()
	for _, s := range w.kinds {
		if s.optional {
			kind, err := apiutil.GVKForObject(s.object, w.scheme)
			if err != nil {
				return nil, fmt.Errorf("watch %T: %w", s.object, err)
			}
			served, err := w.served(kind)
			if err != nil {
				return nil, err
			}
			if !served {
				w.missing = append(w.missing, kind)
				continue
			}
		}
		informer, err := informers.GetInformer(ctx, s.object, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("watch %T: %w", s.object, err)
		}
		shared, ok := informer.(toolscache.SharedIndexInformer)
		if !ok {
			return nil, fmt.Errorf("watch %T: cache of several namespaces", s.object)
		}
		if err := shared.AddIndexers(s.index); err != nil {
			return nil, fmt.Errorf("watch %T: %w", s.object, err)
		}
		*s.store = shared.GetIndexer()
		registration, err := informer.AddEventHandler(s.handler)
		if err != nil {
			return nil, fmt.Errorf("watch %T: %w", s.object, err)
		}
		w.synced = append(w.synced, registration.HasSynced)
	}
	w.owners = owners{replicaSets: w.stores.replicaSets, jobs: w.stores.jobs}
	return w, nil
}

// served tells whether the cluster has the API of a kind: that of ServiceCIDRs is as old as Kubernetes 1.33, and not every mesh
// has the Gateway API.
func (w *Watch) served(kind schema.GroupVersionKind) (bool, error) {
	_, err := w.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if meta.IsNoMatchError(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask for the API of %s: %w", kind.Kind, err)
	}
	return true, nil
}

// Synced reports whether everything that existed at the start has been seen.
func (w *Watch) Synced() bool {
	for _, synced := range w.synced {
		if !synced() {
			return false
		}
	}
	return true
}

// WaitForSync waits until Synced.
func (w *Watch) WaitForSync(ctx context.Context) error {
	if !toolscache.WaitForCacheSync(ctx.Done(), w.synced...) {
		return errors.New("stopped before the caches were filled")
	}
	return nil
}

// Tenancies lists the workloads that hold an address now or did so within the last minutes.
func (w *Watch) Tenancies(address netip.Addr) []mesh.Tenancy {
	return w.addresses.tenancies(address, func(o convert.Owner) mesh.WorkloadKey { return w.owners.workload(o).WorkloadKey })
}

// ServicesVersion changes whenever Services may have.
func (w *Watch) ServicesVersion() int64 { return w.serviceEvents.Load() }

func (w *Watch) notePod(object any) {
	if pod, ok := object.(*corev1.Pod); ok {
		w.addresses.note(pod, time.Now())
	}
}

func (w *Watch) removePod(object any) {
	if unknown, ok := object.(toolscache.DeletedFinalStateUnknown); ok {
		object = unknown.Obj
	}
	if pod, ok := object.(*corev1.Pod); ok {
		w.addresses.remove(pod, time.Now())
	}
}

func (w *Watch) serviceEvent() {
	w.serviceEvents.Add(1)
	w.poke()
}
