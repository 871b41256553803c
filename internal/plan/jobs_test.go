package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
)

// TestFinishedJobsLeaveNothing ends hundreds of Jobs that are lazy: in a few plans everything of theirs is deleted, and what was
// learned is not kept, since no Job comes back.
func TestFinishedJobsLeaveNothing(t *testing.T) {
	const jobs = 500
	c := newCluster(t)
	s := c.snapshot()
	s.Namespaces = []mesh.Namespace{{Name: "demo", Lazy: "true", Inject: true}}
	for i := range jobs {
		name := fmt.Sprintf("job-%d", i)
		labels := map[string]string{"batch.kubernetes.io/controller-uid": name}
		key := mesh.WorkloadKey{Namespace: "demo", Kind: "Job", Name: name}
		s.Workloads = append(s.Workloads, mesh.Workload{WorkloadKey: key, Selector: labels, Labels: labels})
	}
	running := plan.Make(s, cfg, c.now)
	c.execute(running)
	if len(running.Workloads) != jobs || len(c.objects) != 3*jobs {
		t.Fatalf("running: %d workloads, %d objects, want %d and three times as many", len(running.Workloads), len(c.objects), jobs)
	}

	plans := 0
	for ; len(c.objects) > 0 && plans < 10; plans++ {
		s := c.snapshot()
		s.Namespaces = []mesh.Namespace{{Name: "demo", Lazy: "true", Inject: true}}
		c.execute(plan.Make(s, cfg, c.now))
		c.now = c.now.Add(15 * time.Second)
	}
	if len(c.objects) > 0 {
		t.Errorf("after %d plans %d objects are left", plans, len(c.objects))
	}
}
