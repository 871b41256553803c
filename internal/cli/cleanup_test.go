package cli

import (
	"errors"
	"testing"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"

	"github.com/lazyxds/lazyxds/internal/apply"
	"github.com/lazyxds/lazyxds/internal/convert"
)

func TestConfirm(t *testing.T) {
	for answer, want := range map[string]error{
		"y\n": nil, "Yes\n": nil, " yes": nil,
		"": errNotConfirmed, "\n": errNotConfirmed, "n\n": errNotConfirmed, "yikes\n": errNotConfirmed,
	} {
		streams, in, _, _ := genericiooptions.NewTestIOStreams()
		in.WriteString(answer)
		o := &cleanupOptions{command: &command{IOStreams: streams}}
		if err := o.confirm(); !errors.Is(err, want) {
			t.Errorf("answer %q: got %v, want %v", answer, err, want)
		}
	}
}

// The plugin's client knows every type that the cleanup reads or writes.
func TestCleanupTypes(t *testing.T) {
	scheme, err := newScheme()
	if err != nil {
		t.Fatal(err)
	}
	sidecar := &networkingv1.Sidecar{ObjectMeta: metav1.ObjectMeta{
		Namespace: "demo", Name: "lazyxds-deployment-web", Labels: map[string]string{convert.ManagedByLabel: convert.ManagedBy},
	}}
	c := fake.NewClientBuilder().WithScheme(scheme).WithObjects(sidecar).Build()
	if err := apply.Cleanup(t.Context(), c, apply.CleanupOptions{Namespace: "istio-system", Progress: func(string) {}}); err != nil {
		t.Fatal(err)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(sidecar), sidecar); client.IgnoreNotFound(err) != nil || err == nil {
		t.Errorf("the Sidecar is still there: %v", err)
	}
}
