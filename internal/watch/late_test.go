package watch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime/schema"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// growing is a cluster that serves HTTPRoutes from some time on.
type growing struct {
	meta.RESTMapper
	from time.Time
}

func (g growing) RESTMapping(kind schema.GroupKind, _ ...string) (*meta.RESTMapping, error) {
	if kind.Kind == "HTTPRoute" && time.Now().After(g.from) {
		return &meta.RESTMapping{}, nil
	}
	return nil, &meta.NoKindMatchError{GroupKind: kind}
}

func TestLate(t *testing.T) {
	kind := func(name string) schema.GroupVersionKind {
		return schema.GroupVersionKind{Group: gatewayv1.GroupName, Version: "v1", Kind: name}
	}
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		w := &Watch{
			mapper:  growing{from: began.Add(2 * askAgain)},
			missing: []schema.GroupVersionKind{kind("GRPCRoute"), kind("HTTPRoute")},
		}
		ctx, cancel := context.WithTimeout(t.Context(), askAgain)
		defer cancel()
		if name := w.Late(ctx); name != "" {
			t.Errorf("%q is said to be served, want nothing yet", name)
		}
		if name := w.Late(t.Context()); name != "HTTPRoute" {
			t.Errorf("%q is said to be served, want HTTPRoute", name)
		}
		if took := time.Since(began); took > 3*askAgain {
			t.Errorf("noticed after %s", took)
		}
	})
}
