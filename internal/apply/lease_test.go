package apply

import (
	"testing"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
)

func TestCleanupRemovesTheLease(t *testing.T) {
	lease := func(namespace, name string) *coordinationv1.Lease {
		return &coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	}
	ours, others, elsewhere := lease("istio-system", "lazyxds"), lease("istio-system", "istio-leader"), lease("demo", "lazyxds")
	c := newClient(t, interceptor.Funcs{}, ours, others, elsewhere)
	steps := 0
	opts := CleanupOptions{Namespace: "istio-system", Progress: func(string) { steps++ }}
	exists := func(lease *coordinationv1.Lease, want bool) {
		t.Helper()
		err := c.Get(t.Context(), client.ObjectKeyFromObject(lease), lease)
		if client.IgnoreNotFound(err) != nil || (err == nil) != want {
			t.Errorf("Lease %s/%s: exists %t (%v), want %t", lease.Namespace, lease.Name, err == nil, err, want)
		}
	}
	for _, want := range []struct {
		dryRun bool
		steps  int
		left   bool
	}{{true, 1, true}, {false, 1, false}, {false, 0, false}} {
		steps, opts.DryRun = 0, want.dryRun
		if err := Cleanup(t.Context(), c, opts); err != nil {
			t.Fatal(err)
		}
		if steps != want.steps {
			t.Errorf("%d steps, want %d (dry run: %t)", steps, want.steps, want.dryRun)
		}
		exists(ours, want.left)
	}
	exists(others, true)
	exists(elsewhere, true)
}
