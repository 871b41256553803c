package convert

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"

	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// outboundCluster finds the clusters of services in a text, in either of Istio's notations, and in them the host.
var outboundCluster = regexp.MustCompile(`outbound(?:\||_\.)\d+(?:\||_\.)[A-Za-z0-9-]*(?:\||_\.)([A-Za-z0-9.-]+)`)

// EnvoyFilterReferences lists the services whose clusters a user's EnvoyFilter names. One in the root namespace is for all.
func EnvoyFilterReferences(f *networkingv1alpha3.EnvoyFilter, rootNamespace string) ([]mesh.Reference, error) {
	text, err := json.Marshal(&f.Spec)
	if err != nil {
		return nil, fmt.Errorf("read spec of EnvoyFilter %s: %w", key(f), err)
	}
	namespace := f.Namespace
	if namespace == rootNamespace {
		namespace = ""
	}
	var out []mesh.Reference
	for _, match := range outboundCluster.FindAllStringSubmatch(string(text), -1) {
		out = append(out, mesh.Reference{Namespace: namespace, Host: Host(match[1]), By: "EnvoyFilter " + key(f).String()})
	}
	return sortedReferences(out), nil
}

func sortedReferences(refs []mesh.Reference) []mesh.Reference {
	slices.SortFunc(refs, func(a, b mesh.Reference) int { return cmp.Or(cmp.Compare(a.Host, b.Host), cmp.Compare(a.By, b.By)) })
	return slices.Compact(refs)
}
