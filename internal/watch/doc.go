// Package watch follows the API server through informers and hands out what it sees as mesh values.
//
// An event is a poke, never a payload: it says that a new [mesh.Snapshot] is worth taking, not what changed. The one
// exception is who held which address, which is history and so is noted as it happens.
package watch

import (
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
)

// Scheme returns the API types LazyXDS works with.
func Scheme() *runtime.Scheme {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		clientgoscheme.AddToScheme, networkingv1.AddToScheme, networkingv1alpha3.AddToScheme, securityv1.AddToScheme,
		gatewayv1.Install, v1alpha1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			panic(err) // only two types of one name could clash, which is a matter of compilation
		}
	}
	return scheme
}
