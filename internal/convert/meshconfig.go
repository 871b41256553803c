package convert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// MeshConfig is the part of Istio's mesh configuration that scopes depend on. The zero value is Istio's default.
type MeshConfig struct {
	// References are the services of the extension providers.
	References []mesh.Reference

	// The exportTo of objects that have none; nil for everyone.
	services, virtualServices, destinationRules []string
	// discovery select the namespaces that istiod knows; none select all.
	discovery []labels.Selector
}

// meshConfig is what is read of the YAML text.
type meshConfig struct {
	// Each provider has a name and one more field, its kind, with its settings.
	ExtensionProviders             []map[string]json.RawMessage `json:"extensionProviders"`
	DefaultServiceExportTo         []string                     `json:"defaultServiceExportTo"`
	DefaultVirtualServiceExportTo  []string                     `json:"defaultVirtualServiceExportTo"`
	DefaultDestinationRuleExportTo []string                     `json:"defaultDestinationRuleExportTo"`
	DiscoverySelectors             []metav1.LabelSelector       `json:"discoverySelectors"`
}

// ReadMeshConfig reads Istio's mesh configuration, a YAML text.
func ReadMeshConfig(text string) (MeshConfig, error) {
	var config meshConfig
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		return MeshConfig{}, fmt.Errorf("read mesh configuration: %w", err)
	}
	out := MeshConfig{
		References:       providerReferences(config.ExtensionProviders),
		services:         defaultExport(config.DefaultServiceExportTo),
		virtualServices:  defaultExport(config.DefaultVirtualServiceExportTo),
		destinationRules: defaultExport(config.DefaultDestinationRuleExportTo),
	}
	for i := range config.DiscoverySelectors {
		selector, err := metav1.LabelSelectorAsSelector(&config.DiscoverySelectors[i])
		if err != nil {
			return MeshConfig{}, fmt.Errorf("read discoverySelectors of the mesh configuration: %w", err)
		}
		out.discovery = append(out.discovery, selector)
	}
	return out, nil
}

// defaultExport is how istiod reads a default: it honours "." and "*" alone, and anything else exports to nobody.
func defaultExport(configured []string) []string {
	switch {
	case len(configured) == 0:
		return nil
	case slices.Contains(configured, "."):
		return []string{"."}
	case slices.Contains(configured, "*"):
		return []string{"*"}
	}
	return []string{"~"}
}

// providerReferences lists the services of extension providers.
func providerReferences(providers []map[string]json.RawMessage) []mesh.Reference {
	var out []mesh.Reference
	for _, provider := range providers {
		by := "extension provider " + strings.Trim(string(provider["name"]), `"`)
		for _, settings := range provider {
			var names struct {
				Service string `json:"service"`
			}
			if json.Unmarshal(settings, &names) != nil || names.Service == "" {
				continue // the name, or a provider without a service
			}
			_, host, qualified := strings.Cut(names.Service, "/")
			if !qualified {
				host = names.Service
			}
			out = append(out, mesh.Reference{Host: Host(host), By: by})
		}
	}
	return sortedReferences(out)
}

// discovers tells whether istiod knows a namespace with these labels.
func (c MeshConfig) discovers(namespace map[string]string) bool {
	selected := func(s labels.Selector) bool { return s.Matches(labels.Set(namespace)) }
	return len(c.discovery) == 0 || slices.ContainsFunc(c.discovery, selected)
}

// Restrict leaves in a snapshot what istiod knows, exported as istiod takes it. What LazyXDS wrote stays, and so do workloads.
func (c MeshConfig) Restrict(s *mesh.Snapshot) {
	unknown := c.unknown(s.Namespaces)
	s.Services = c.Services(s.Services, s.Namespaces)
	s.VirtualServices = slices.DeleteFunc(s.VirtualServices, func(v mesh.VirtualService) bool { return unknown(v.Namespace) })
	for i := range s.VirtualServices {
		setDefault(&s.VirtualServices[i].ExportTo, c.virtualServices)
	}
	s.DestinationRules = slices.DeleteFunc(s.DestinationRules, func(d mesh.DestinationRule) bool { return unknown(d.Namespace) })
	for i := range s.DestinationRules {
		setDefault(&s.DestinationRules[i].ExportTo, c.destinationRules)
	}
	s.Policies = slices.DeleteFunc(s.Policies, func(p mesh.Policy) bool { return !p.Ours && unknown(p.Namespace) })
}

// Services leaves in a list of services those that istiod knows, exported as istiod takes it.
func (c MeshConfig) Services(all []mesh.Service, namespaces []mesh.Namespace) []mesh.Service {
	unknown := c.unknown(namespaces)
	all = slices.DeleteFunc(all, func(s mesh.Service) bool { return unknown(s.Namespace) })
	for i := range all {
		setDefault(&all[i].ExportTo, c.services)
	}
	return all
}

// unknown returns what tells whether istiod does not know a namespace.
func (c MeshConfig) unknown(namespaces []mesh.Namespace) func(string) bool {
	if len(c.discovery) == 0 {
		return func(string) bool { return false }
	}
	known := make(map[string]bool, len(namespaces))
	for i := range namespaces {
		known[namespaces[i].Name] = !namespaces[i].Undiscovered
	}
	return func(namespace string) bool { return !known[namespace] }
}

func setDefault(exportTo *[]string, value []string) {
	if len(*exportTo) == 0 {
		*exportTo = value
	}
}
