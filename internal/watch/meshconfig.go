package watch

import (
	"slices"

	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// meshConfigKey is where the ConfigMap of the mesh configuration holds it.
const meshConfigKey = "mesh"

// MeshConfigMap names the ConfigMap that an istiod of this revision reads the mesh configuration from.
func MeshConfigMap(revision string) string {
	if revision == "" || revision == "default" {
		return "istio"
	}
	return "istio-" + revision
}

// meshConfig is Istio's mesh configuration.
func (w *Watch) meshConfig() (convert.MeshConfig, error) {
	configs, err := memorize(&w.memory.meshConfigs, all[corev1.ConfigMap](w.stores.meshConfigs),
		func(m *corev1.ConfigMap) (convert.MeshConfig, error) {
			return convert.ReadMeshConfig(m.Data[meshConfigKey])
		})
	if len(configs) == 0 {
		return convert.MeshConfig{}, err
	}
	return configs[0], err
}

// references are the services that the mesh configuration and users' EnvoyFilters name.
func (w *Watch) references(config convert.MeshConfig) ([]mesh.Reference, error) {
	foreign := slices.DeleteFunc(all[networkingv1alpha3.EnvoyFilter](w.stores.envoyFilters),
		func(f *networkingv1alpha3.EnvoyFilter) bool { return convert.Ours(f) })
	filters, err := memorize(&w.memory.envoyFilters, foreign,
		func(f *networkingv1alpha3.EnvoyFilter) ([]mesh.Reference, error) {
			return convert.EnvoyFilterReferences(f, w.cfg.RootNamespace)
		})
	return slices.Concat(config.References, slices.Concat(filters...)), err
}
