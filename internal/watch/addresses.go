package watch

import (
	"net/netip"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// retention is how long an ended tenancy is remembered: the access log of a short-lived pod may arrive after its end.
const retention = 2 * time.Minute

// addressBook knows who holds each pod address, and who lately did.
type addressBook struct {
	mu      sync.RWMutex
	holders map[netip.Addr][]holding
	pods    map[types.UID][]netip.Addr // the addresses held now
	swept   time.Time
}

// holding is one pod's tenancy of an address.
type holding struct {
	pod         types.UID
	owner       convert.Owner
	from, until time.Time
}

func newAddressBook() *addressBook {
	return &addressBook{holders: map[netip.Addr][]holding{}, pods: map[types.UID][]netip.Addr{}}
}

// note records what a pod tells of itself.
func (b *addressBook) note(p *corev1.Pod, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep(now)
	addresses := convert.PodAddresses(p)
	if end, ended := convert.PodEnd(p); ended {
		if end.IsZero() {
			end = now
		}
		if now.Sub(end) < retention {
			b.hold(p, addresses)
		}
		b.release(p.UID, nil, end)
		return
	}
	b.release(p.UID, addresses, now)
	b.hold(p, addresses)
}

// remove records that a pod is gone.
func (b *addressBook) remove(p *corev1.Pod, now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sweep(now)
	b.release(p.UID, nil, now)
}

// hold opens a tenancy of each address that the pod does not hold yet.
func (b *addressBook) hold(p *corev1.Pod, addresses []netip.Addr) {
	for _, address := range addresses {
		known := slices.ContainsFunc(b.holders[address], func(h holding) bool { return h.pod == p.UID })
		if known {
			continue
		}
		b.holders[address] = append(b.holders[address], holding{
			pod: p.UID, owner: convert.PodOwner(p), from: p.CreationTimestamp.Time,
		})
		b.pods[p.UID] = append(b.pods[p.UID], address)
	}
}

// release ends the pod's tenancies of all addresses but those to keep.
func (b *addressBook) release(pod types.UID, keep []netip.Addr, until time.Time) {
	var kept []netip.Addr
	for _, address := range b.pods[pod] {
		if slices.Contains(keep, address) {
			kept = append(kept, address)
			continue
		}
		for i := range b.holders[address] {
			if h := &b.holders[address][i]; h.pod == pod && h.until.IsZero() {
				h.until = until
			}
		}
	}
	b.pods[pod] = kept
	if len(kept) == 0 {
		delete(b.pods, pod)
	}
}

// sweep forgets what ended long enough ago, every now and then.
func (b *addressBook) sweep(now time.Time) {
	if now.Sub(b.swept) < retention {
		return
	}
	b.swept = now
	for address, holdings := range b.holders {
		holdings = slices.DeleteFunc(holdings, func(h holding) bool {
			return !h.until.IsZero() && now.Sub(h.until) > retention
		})
		if len(holdings) == 0 {
			delete(b.holders, address)
		} else {
			b.holders[address] = holdings
		}
	}
}

// tenancies lists who holds an address and who lately did. Owners are looked up now, not when the pod was noted: a pod may
// be seen before the object that controls it.
func (b *addressBook) tenancies(address netip.Addr, workload func(convert.Owner) mesh.WorkloadKey) []mesh.Tenancy {
	b.mu.RLock()
	defer b.mu.RUnlock()
	var out []mesh.Tenancy
	for _, h := range b.holders[address.Unmap()] {
		out = append(out, mesh.Tenancy{Workload: workload(h.owner), From: h.from, Until: h.until})
	}
	return out
}
