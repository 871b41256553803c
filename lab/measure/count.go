package measure

import (
	"fmt"
	"strings"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	"google.golang.org/protobuf/types/known/anypb"
)

// count sums up what istiod sends, each resource by the bytes of its encoded message.
func count(s sent) (Result, error) {
	var r Result
	hosts := map[string]bool{}
	for _, resource := range s[clusterType] {
		name, err := resourceName(resource)
		if err != nil {
			return Result{}, err
		}
		if host, ok := outboundHost(name); ok {
			hosts[host] = true
		}
		if inboundCluster(name) {
			r.add(&r.Bytes.Inbound, &r.Resources.Inbound, resource)
		} else {
			r.add(&r.Bytes.CDS, &r.Resources.CDS, resource)
		}
	}
	for _, resource := range s[listenerType] {
		name, err := resourceName(resource)
		if err != nil {
			return Result{}, err
		}
		if name == "virtualInbound" {
			r.add(&r.Bytes.Inbound, &r.Resources.Inbound, resource)
		} else {
			r.add(&r.Bytes.LDS, &r.Resources.LDS, resource)
		}
	}
	for _, resource := range s[endpointType] {
		r.add(&r.Bytes.EDS, &r.Resources.EDS, resource)
	}
	for _, resource := range s[routeType] {
		r.add(&r.Bytes.RDS, &r.Resources.RDS, resource)
	}
	r.Services = len(hosts)
	return r, nil
}

func (r *Result) add(bytes, resources *int, resource *anypb.Any) {
	n := len(resource.Value)
	*bytes += n
	*resources++
	r.Bytes.Total += n
	r.Resources.Total++
}

// outboundHost takes the host from a cluster name such as outbound|9080|v1|reviews.demo.svc.cluster.local.
func outboundHost(name string) (string, bool) {
	parts := strings.Split(name, "|")
	if len(parts) != 4 || parts[0] != "outbound" {
		return "", false
	}
	return parts[3], true
}

func inboundCluster(name string) bool {
	return strings.HasPrefix(name, "inbound|") || name == "InboundPassthroughCluster"
}

// names lists the resources that Envoy's dump names too; it does not tell endpoints apart by name.
func (s sent) names() (names, error) {
	n := newNames()
	for _, typ := range []string{clusterType, listenerType, routeType} {
		for _, resource := range s[typ] {
			name, err := resourceName(resource)
			if err != nil {
				return names{}, err
			}
			n.add(typ, name, nil)
		}
	}
	return n, nil
}

func resourceName(resource *anypb.Any) (string, error) {
	message, err := resource.UnmarshalNew()
	if err != nil {
		return "", fmt.Errorf("decode resource of istiod: %w", err)
	}
	switch m := message.(type) {
	case *clusterv3.Cluster:
		return m.Name, nil
	case *listenerv3.Listener:
		return m.Name, nil
	case *routev3.RouteConfiguration:
		return m.Name, nil
	}
	return "", fmt.Errorf("istiod sent an unexpected %s", resource.TypeUrl)
}
