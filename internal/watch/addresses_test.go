package watch

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }

// pod makes a running pod, created at a time.
func pod(name string, created int, addresses ...string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{
		Namespace: "demo", Name: name, UID: types.UID(name), CreationTimestamp: metav1.NewTime(at(created)),
	}}
	p.Status.Phase = corev1.PodRunning
	for _, address := range addresses {
		p.Status.PodIPs = append(p.Status.PodIPs, corev1.PodIP{IP: address})
	}
	return p
}

func ended(p *corev1.Pod, finished int) *corev1.Pod {
	p = p.DeepCopy()
	p.Status.Phase = corev1.PodSucceeded
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{FinishedAt: metav1.NewTime(at(finished))},
	}}}
	return p
}

func tenancy(name string, from int, until time.Time) mesh.Tenancy {
	return mesh.Tenancy{Workload: mesh.WorkloadKey{Namespace: "demo", Kind: "Pod", Name: name}, From: at(from), Until: until}
}

func TestAddressBook(t *testing.T) {
	const address = "10.244.0.5"
	tests := map[string]struct {
		events func(b *addressBook)
		want   []mesh.Tenancy
	}{
		"nobody": {events: func(*addressBook) {}},
		"alive": {
			events: func(b *addressBook) { b.note(pod("a", 0, address), at(1)) },
			want:   []mesh.Tenancy{tenancy("a", 0, time.Time{})},
		},
		"seen many times": {
			events: func(b *addressBook) {
				b.note(pod("a", 0), at(1))
				b.note(pod("a", 0, address), at(2))
				b.note(pod("a", 0, address, "fd00::5"), at(3))
			},
			want: []mesh.Tenancy{tenancy("a", 0, time.Time{})},
		},
		"finished": {
			events: func(b *addressBook) {
				b.note(pod("a", 0, address), at(1))
				b.note(ended(pod("a", 0, address), 30), at(31))
				b.remove(pod("a", 0, address), at(90))
			},
			want: []mesh.Tenancy{tenancy("a", 0, at(30))},
		},
		"finished before it was first seen": {
			events: func(b *addressBook) { b.note(ended(pod("a", 0, address), 30), at(60)) },
			want:   []mesh.Tenancy{tenancy("a", 0, at(30))},
		},
		"finished long before it was first seen": {
			events: func(b *addressBook) { b.note(ended(pod("a", 0, address), 30), at(300)) },
		},
		"deleted, and the address given to another": {
			events: func(b *addressBook) {
				b.note(pod("a", 0, address), at(1))
				b.note(pod("b", 50), at(50))
				b.remove(pod("a", 0, address), at(60))
				b.note(pod("b", 50, address), at(61))
			},
			want: []mesh.Tenancy{tenancy("a", 0, at(60)), tenancy("b", 50, time.Time{})},
		},
		"moved to another address": {
			events: func(b *addressBook) {
				b.note(pod("a", 0, address), at(1))
				b.note(pod("a", 0, "10.244.0.6"), at(9))
			},
			want: []mesh.Tenancy{tenancy("a", 0, at(9))},
		},
		"forgotten in the end": {
			events: func(b *addressBook) {
				b.note(pod("a", 0, address), at(1))
				b.remove(pod("a", 0, address), at(60))
				b.note(pod("other", 0, "10.244.0.9"), at(190))
			},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			b := newAddressBook()
			tt.events(b)
			got := b.tenancies(netip.MustParseAddr("::ffff:"+address), func(o convert.Owner) mesh.WorkloadKey { return o.WorkloadKey })
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("unexpected tenancies (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAddressBookForgetsPods(t *testing.T) {
	b := newAddressBook()
	for i := range 1000 {
		p := pod(string(rune('a'+i%26))+time.Duration(i).String(), i, netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}).String())
		b.note(p, at(i))
		b.remove(p, at(i+1))
	}
	b.note(pod("last", 2000, "10.2.0.1"), at(2000))
	if len(b.holders) != 1 || len(b.pods) != 1 {
		t.Errorf("%d addresses and %d pods are remembered, want the last one", len(b.holders), len(b.pods))
	}
}
