package main

import (
	"errors"
	"slices"
	"strings"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	fakediscovery "k8s.io/client-go/discovery/fake"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
)

func TestMissingAPIs(t *testing.T) {
	tests := map[string]struct {
		served []string
		want   string // in the error; empty for none
	}{
		"all there":       {[]string{"sidecars", "virtualservices", "destinationrules", "serviceentries"}, ""},
		"one is missing":  {[]string{"sidecars", "virtualservices", "destinationrules"}, "no serviceentries of networking.istio.io/v1: install Istio"},
		"no group at all": {nil, "no sidecars of networking.istio.io/v1"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset()
			if tt.served != nil {
				list := &metav1.APIResourceList{GroupVersion: "networking.istio.io/v1"}
				for _, resource := range tt.served {
					list.APIResources = append(list.APIResources, metav1.APIResource{Name: resource})
				}
				client.Discovery().(*fakediscovery.FakeDiscovery).Resources = []*metav1.APIResourceList{list}
			}
			checkError(t, checkAPI(client, neededAPIs[0]), tt.want, exitMissingAPI)
		})
	}
}

func TestMissingPermissions(t *testing.T) {
	client := fake.NewClientset()
	var denied string
	asked := 0
	client.PrependReactor("create", "selfsubjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		review := a.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview).DeepCopy()
		attributes := review.Spec.ResourceAttributes
		asked++
		review.Status.Allowed = attributes.Verb+" "+describe(attributes)+" "+attributes.Namespace != denied
		return true, review, nil
	})
	run := func() error {
		for _, needed := range neededPermissions {
			if err := checkPermission(t.Context(), client, needed, "istio-system"); err != nil {
				return err
			}
		}
		return nil
	}
	checkError(t, run(), "", 0)
	if asked < len(neededPermissions) {
		t.Errorf("asked for %d permissions only", asked)
	}
	denied = "update workloadscopes/status.lazyxds.io "
	checkError(t, run(), "not allowed to update workloadscopes/status.lazyxds.io in all namespaces", exitMissingPermission)
	denied = "create leases.coordination.k8s.io istio-system"
	checkError(t, run(), "not allowed to create leases.coordination.k8s.io in namespace istio-system", exitMissingPermission)
}

// TestMeshConfig: a revision that nobody installed is refused, instead of taking Istio's defaults for what holds.
func TestMeshConfig(t *testing.T) {
	client := fake.NewClientset(&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: "istio-canary", Namespace: "istio-system"}})
	allowed := true
	client.PrependReactor("create", "selfsubjectaccessreviews", func(a clienttesting.Action) (bool, runtime.Object, error) {
		review := a.(clienttesting.CreateAction).GetObject().(*authorizationv1.SelfSubjectAccessReview).DeepCopy()
		review.Status.Allowed = allowed && review.Spec.ResourceAttributes.Name == "istio-canary"
		return true, review, nil
	})
	opts := &options{namespace: "istio-system", rootNamespace: "istio-system", revision: "canary"}
	checkError(t, checkMeshConfig(t.Context(), client, opts), "", 0)
	allowed = false
	checkError(t, checkMeshConfig(t.Context(), client, opts), "not allowed to get configmaps in namespace istio-system", exitMissingPermission)
	allowed = true
	if err := client.CoreV1().ConfigMaps("istio-system").Delete(t.Context(), "istio-canary", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	checkError(t, checkMeshConfig(t.Context(), client, opts), "there is no ConfigMap istio-canary in namespace istio-system", exitMissingAPI)
}

func checkError(t *testing.T, err error, want string, code int) {
	t.Helper()
	if want == "" {
		if err != nil {
			t.Errorf("error = %v, want none", err)
		}
		return
	}
	exit, ok := errors.AsType[exitError](err)
	if !ok || exit.code != code || !strings.Contains(err.Error(), want) {
		t.Errorf("error = %v, want %q with exit code %d", err, want, code)
	}
}

func TestPermissionsNameEveryKindThatIsWritten(t *testing.T) {
	for _, resource := range []string{"sidecars", "envoyfilters", "authorizationpolicies", "workloadscopes"} {
		for _, verb := range []string{"create", "delete"} {
			granted := slices.ContainsFunc(neededPermissions, func(p permission) bool {
				return slices.Contains(p.resources, resource) && slices.Contains(p.verbs, verb) && !p.here
			})
			if !granted {
				t.Errorf("nobody asks whether the controller may %s %s", verb, resource)
			}
		}
	}
}
