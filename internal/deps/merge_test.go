package deps

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

func sighting(host mesh.Host, as v1alpha1.Sighting, port uint16) Sighting {
	return Sighting{Host: host, Namespace: "demo", As: as, Port: port}
}

func batch(at time.Time, services ...Sighting) Batch {
	return Batch{Workload: web, Services: services, First: at, Last: at}
}

func when(t time.Time) *metav1.Time { return &metav1.Time{Time: t} }

func TestMerge(t *testing.T) {
	at := noon.Add(10*time.Minute + 500*time.Millisecond)
	static := v1alpha1.Dependency{Host: "static", Namespace: "demo", Source: v1alpha1.SourceHeadless}
	status := v1alpha1.WorkloadScopeStatus{Dependencies: []v1alpha1.Dependency{{Host: "z", Source: v1alpha1.SourceInclude}, static}}
	before := status.DeepCopy()

	alias := status.Dependencies
	changed, learned := Merge(&status, batch(at,
		sighting("reviews", v1alpha1.SeenUpstream, 9080),
		sighting("reviews", v1alpha1.SeenDialled, 9080),
		sighting("static", v1alpha1.SeenDialled, 0),
		sighting("canary", v1alpha1.SeenUpstream, 8443),
	))
	if !changed {
		t.Error("nothing changed")
	}
	if diff := cmp.Diff([]string{"canary", "reviews", "static"}, learned); diff != "" {
		t.Errorf("learned (-want +got):\n%s", diff)
	}
	observed := func(host string, ports []int32, as ...v1alpha1.Sighting) v1alpha1.Dependency {
		return v1alpha1.Dependency{
			Host: host, Namespace: "demo", Source: v1alpha1.SourceObserved, SeenAs: as, Ports: ports,
			FirstSeen: when(at.Truncate(time.Second)), LastSeen: when(noon),
		}
	}
	want := []v1alpha1.Dependency{
		observed("canary", []int32{8443}, v1alpha1.SeenUpstream),
		observed("reviews", []int32{9080}, v1alpha1.SeenDialled, v1alpha1.SeenUpstream),
		observed("static", nil, v1alpha1.SeenDialled),
		{Host: "z", Source: v1alpha1.SourceInclude},
	}
	if diff := cmp.Diff(want, status.Dependencies); diff != "" {
		t.Errorf("dependencies (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(before.Dependencies, alias); diff != "" {
		t.Errorf("the former list, which a cache may hold, was changed:\n%s", diff)
	}

	if changed, learned := Merge(&status, batch(at.Add(30*time.Minute), sighting("reviews", v1alpha1.SeenDialled, 9080))); changed || learned != nil {
		t.Errorf("the same within the hour: changed %v, learned %v", changed, learned)
	}
	if changed, learned := Merge(&status, batch(at.Add(time.Hour), sighting("reviews", v1alpha1.SeenDialled, 9081))); !changed || learned != nil {
		t.Errorf("an hour later on another port: changed %v, learned %v", changed, learned)
	}
	reviews := status.Dependencies[1]
	if diff := cmp.Diff([]int32{9080, 9081}, reviews.Ports); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
	if !reviews.LastSeen.Equal(when(noon.Add(time.Hour))) || !reviews.FirstSeen.Equal(when(at.Truncate(time.Second))) {
		t.Errorf("first seen %v, last seen %v", reviews.FirstSeen, reviews.LastSeen)
	}
	if Merge(&status, batch(at.Add(-5*time.Hour), sighting("reviews", v1alpha1.SeenAuthority, 9080))); !status.Dependencies[1].LastSeen.Equal(when(noon.Add(time.Hour))) {
		t.Errorf("lastSeen went back to %v", status.Dependencies[1].LastSeen)
	}
}

// TestMergeStaysSmall fills a scope with the longest entries there can be. A managed field repeats an entry's key and
// the names and set members of its fields.
func TestMergeStaysSmall(t *testing.T) {
	status := *idle(time.Hour)
	Merge(&status, reported(noon, "0"))
	status.Dependencies = nil
	for n := range MaxLearned + 50 {
		host := mesh.Host(fmt.Sprintf("%0253d", n))
		b := batch(noon)
		for port := range uint16(20) {
			for _, as := range []v1alpha1.Sighting{v1alpha1.SeenAuthority, v1alpha1.SeenDialled, v1alpha1.SeenUpstream} {
				b.Services = append(b.Services, Sighting{Host: host, Namespace: strings.Repeat("n", 63), As: as, Port: 65000 + port})
			}
		}
		changed, learned := Merge(&status, b)
		if fits := n < MaxLearned; changed != fits || (len(learned) == 1) != fits {
			t.Fatalf("service %d: changed %v, learned %v", n, changed, learned)
		}
	}
	object, err := json.Marshal(status)
	if err != nil {
		t.Fatal(err)
	}
	const fields = `"k:{\"host\":\"\"}":{".":{},"f:expiresAt":{},"f:firstSeen":{},"f:host":{},"f:lastSeen":{},"f:namespace":{},"f:ports":{},"f:seenAs":{},"f:source":{}},`
	if size := len(object) + MaxLearned*(len(fields)+253); size > 1<<20 {
		t.Errorf("a full scope takes %d bytes, more than 1 MiB", size)
	}
	if changed, _ := Merge(&status, batch(noon.Add(time.Hour), sighting(mesh.Host(status.Dependencies[7].Host), v1alpha1.SeenDialled, 0))); !changed {
		t.Error("a full scope does not refresh what it has")
	}
}
