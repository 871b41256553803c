package watch

import (
	"errors"
	"slices"

	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

const (
	// meshConfigMap holds Istio's mesh configuration, under the key meshConfigKey.
	meshConfigMap = "istio"
	meshConfigKey = "mesh"
)

// references are the services that the mesh configuration and users' EnvoyFilters name.
func (w *Watch) references() ([]mesh.Reference, error) {
	configs, configErr := memorize(&w.memory.meshConfigs, all[corev1.ConfigMap](w.stores.meshConfigs),
		func(m *corev1.ConfigMap) ([]mesh.Reference, error) {
			return convert.MeshConfigReferences(m.Data[meshConfigKey])
		})
	foreign := slices.DeleteFunc(all[networkingv1alpha3.EnvoyFilter](w.stores.envoyFilters),
		func(f *networkingv1alpha3.EnvoyFilter) bool { return convert.Ours(f) })
	filters, filterErr := memorize(&w.memory.envoyFilters, foreign,
		func(f *networkingv1alpha3.EnvoyFilter) ([]mesh.Reference, error) {
			return convert.EnvoyFilterReferences(f, w.cfg.RootNamespace)
		})
	return slices.Concat(slices.Concat(configs...), slices.Concat(filters...)), errors.Join(configErr, filterErr)
}
