package apply

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
)

var (
	ours = map[string]string{convert.ManagedByLabel: convert.ManagedBy}
	key  = types.NamespacedName{Namespace: "demo", Name: "lazyxds-deployment-web"}
)

func named(labels map[string]string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: key.Namespace, Name: key.Name, Labels: labels}
}

func newClient(t *testing.T, funcs interceptor.Funcs, objects ...client.Object) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, networkingv1.AddToScheme, networkingv1alpha3.AddToScheme, securityv1.AddToScheme,
		v1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			t.Fatal(err)
		}
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithObjects(objects...).
		WithStatusSubresource(&v1alpha1.WorkloadScope{}).WithInterceptorFuncs(funcs).Build()
}

func sidecar(labels map[string]string, hosts ...string) *networkingv1.Sidecar {
	return &networkingv1.Sidecar{
		ObjectMeta: named(labels),
		Spec:       networkingapi.Sidecar{Egress: []*networkingapi.IstioEgressListener{{Hosts: hosts}}},
	}
}

func TestPatchSaysWhatIsWantedAndNoMore(t *testing.T) {
	a := New(newClient(t, interceptor.Funcs{}))
	want := sidecar(ours, "demo/reviews")
	want.CreationTimestamp = metav1.Now()
	patch, err := a.patchOf(want, &want.Spec)
	if err != nil {
		t.Fatal(err)
	}
	body, err := patch.Data(nil)
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	wantBody := map[string]any{
		"apiVersion": "networking.istio.io/v1", "kind": "Sidecar",
		"metadata": map[string]any{
			"namespace": "demo", "name": key.Name, "labels": map[string]any{convert.ManagedByLabel: convert.ManagedBy},
		},
		"spec": map[string]any{"egress": []any{map[string]any{"hosts": []any{"demo/reviews"}}}},
	}
	if diff := cmp.Diff(wantBody, got); diff != "" {
		t.Errorf("unexpected patch (-want +got):\n%s", diff)
	}
}

// conflicting refuses patches that do not insist, as the API server does when another manager owns a field.
func conflicting(patched *bool) interceptor.Funcs {
	return interceptor.Funcs{
		Patch: func(_ context.Context, _ client.WithWatch, o client.Object, _ client.Patch, opts ...client.PatchOption) error {
			if options := (&client.PatchOptions{}).ApplyOptions(opts); options.Force == nil || !*options.Force {
				return apierrors.NewConflict(networkingv1.Resource("sidecars"), o.GetName(), errors.New("spec.egress"))
			}
			*patched = true
			o.(*networkingv1.Sidecar).Spec.Egress = []*networkingapi.IstioEgressListener{{Hosts: []string{"demo/reviews"}}}
			return nil
		},
	}
}

func TestHandEditsAreRevertedAndForeignObjectsKept(t *testing.T) {
	change := plan.Change{
		Verb: plan.Apply, Key: mesh.Key{Namespace: key.Namespace, Name: key.Name}, Sidecar: sidecar(ours, "demo/reviews"),
	}
	var patched bool
	if err := New(newClient(t, conflicting(&patched), sidecar(ours, "*/*"))).Change(t.Context(), change); err != nil || !patched {
		t.Errorf("object of ours: patched %v, error %v", patched, err)
	}
	patched = false
	err := New(newClient(t, conflicting(&patched), sidecar(nil, "*/*"))).Change(t.Context(), change)
	if !errors.Is(err, ErrForeign) || patched {
		t.Errorf("foreign object: patched %v, error %v", patched, err)
	}
}

func TestDelete(t *testing.T) {
	change := plan.Change{
		Verb: plan.Delete, Key: mesh.Key{Namespace: key.Namespace, Name: key.Name}, Sidecar: &networkingv1.Sidecar{},
	}
	tests := map[string]struct {
		live []client.Object
		want error
		left int
	}{
		"ours":         {[]client.Object{sidecar(ours)}, nil, 0},
		"foreign":      {[]client.Object{sidecar(nil)}, ErrForeign, 1},
		"already gone": {nil, nil, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c := newClient(t, interceptor.Funcs{}, tt.live...)
			if err := New(c).Change(t.Context(), change); !errors.Is(err, tt.want) {
				t.Errorf("error = %v, want %v", err, tt.want)
			}
			list := &networkingv1.SidecarList{}
			if err := c.List(t.Context(), list); err != nil || len(list.Items) != tt.left {
				t.Errorf("%d left, want %d (err %v)", len(list.Items), tt.left, err)
			}
		})
	}
}

func TestScopeIsCreatedOnce(t *testing.T) {
	scope := &v1alpha1.WorkloadScope{ObjectMeta: named(ours)}
	a := New(newClient(t, interceptor.Funcs{}))
	for range 2 {
		if err := a.Change(t.Context(), plan.Change{Verb: plan.Apply, Scope: scope}); err != nil {
			t.Error(err)
		}
	}
}

func TestStatusKeepsWhatOthersWroteMeanwhile(t *testing.T) {
	c := newClient(t, interceptor.Funcs{}, &v1alpha1.WorkloadScope{ObjectMeta: named(ours)})
	stale := &v1alpha1.WorkloadScope{}
	if err := c.Get(t.Context(), key, stale); err != nil {
		t.Fatal(err)
	}
	learn := func(host string) func(v1alpha1.WorkloadScopeStatus) v1alpha1.WorkloadScopeStatus {
		return func(s v1alpha1.WorkloadScopeStatus) v1alpha1.WorkloadScopeStatus {
			known := slices.ContainsFunc(s.Dependencies, func(d v1alpha1.Dependency) bool { return d.Host == host })
			if !known {
				s.Dependencies = append(s.Dependencies, v1alpha1.Dependency{Host: host, Source: v1alpha1.SourceObserved})
			}
			return s
		}
	}
	a := New(c)
	for _, host := range []string{"a", "b"} { // the second one is written from what was read before the first
		if rewrite, err := a.Status(t.Context(), stale, learn(host)); err != nil || rewrite == nil {
			t.Fatalf("learn %s: %v, %v", host, rewrite, err)
		}
	}
	live := &v1alpha1.WorkloadScope{}
	if err := c.Get(t.Context(), key, live); err != nil {
		t.Fatal(err)
	}
	if len(live.Status.Dependencies) != 2 || len(stale.Status.Dependencies) != 0 {
		t.Errorf("live %v, given %v", live.Status.Dependencies, stale.Status.Dependencies)
	}
	rewrite, err := a.Status(t.Context(), live, learn("a"))
	if rewrite != nil || err != nil {
		t.Errorf("nothing new: %v, %v", rewrite, err)
	}
	after := &v1alpha1.WorkloadScope{}
	if err := c.Get(t.Context(), key, after); err != nil || after.ResourceVersion != live.ResourceVersion {
		t.Errorf("written without need (err %v)", err)
	}
}

func TestCleanupWidensFirst(t *testing.T) {
	replicas := int32(2)
	foreign := sidecar(nil, "*/*")
	foreign.Name = "users-own"
	c := newClient(t, interceptor.Funcs{},
		sidecar(ours), foreign,
		&networkingv1alpha3.EnvoyFilter{ObjectMeta: named(ours)},
		&v1alpha1.WorkloadScope{ObjectMeta: named(ours)},
		&securityv1.AuthorizationPolicy{ObjectMeta: named(ours)},
		&appsv1.Deployment{
			ObjectMeta: metav1.ObjectMeta{Namespace: "istio-system", Name: "lazyxds"}, Spec: appsv1.DeploymentSpec{Replicas: &replicas},
		},
	)
	var steps []string
	opts := CleanupOptions{
		Namespace: "istio-system", Warm: 2 * time.Millisecond, Settle: time.Millisecond, DryRun: true,
		Progress: func(line string) { steps = append(steps, strings.Join(strings.Fields(line)[:2], " ")) },
	}
	run := func(want ...string) {
		t.Helper()
		steps = nil
		if err := Cleanup(t.Context(), c, opts); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("unexpected steps (-want +got):\n%s", diff)
		}
	}
	run("scale Deployment", "warm Sidecar", "delete Sidecar", "delete EnvoyFilter", "delete WorkloadScope",
		"delete AuthorizationPolicy")
	opts.DryRun = false
	run("scale Deployment", "warm Sidecar", "wait 2ms", "delete Sidecar", "wait 1ms", "delete EnvoyFilter", "delete WorkloadScope",
		"delete AuthorizationPolicy")
	run()
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(foreign), foreign); err != nil {
		t.Errorf("the user's Sidecar: %v", err)
	}
}
