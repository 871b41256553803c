package accesslog

import (
	"net/netip"
	"strings"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// reporter is the proxy that sends a stream; the zero value is one that cannot be told.
type reporter struct {
	// egress tells that it is the fallback egress, whose entries name the clients.
	egress bool
	// pod is the address of its pod. A sidecar can only tell what its own pod does, whatever its entries say.
	pod netip.Addr
}

// reporterOf reads the id of a node as Istio makes it: "sidecar~10.0.0.7~reviews-v1-abc.demo~demo.svc.cluster.local". The
// fallback egress, given by the name of its Deployment, is of the type sidecar too.
func reporterOf(id string, egress mesh.Key) reporter {
	parts := strings.Split(id, "~")
	if len(parts) != 4 || parts[0] != "sidecar" {
		return reporter{}
	}
	pod, ok := ipAddr(parts[1])
	if !ok {
		return reporter{}
	}
	name, namespace, _ := strings.Cut(parts[2], ".")
	return reporter{egress: namespace == egress.Namespace && strings.HasPrefix(name, egress.Name+"-"), pod: pod}
}

// attribute makes an observation one of the reporter's own pod, unless the egress may name the client.
func (r reporter) attribute(o mesh.Observation) (mesh.Observation, error) {
	if !r.pod.IsValid() {
		return mesh.Observation{}, Rejection{NoReporter}
	}
	if !r.egress {
		o.Source, o.Direct = r.pod, true
	}
	return o, nil
}
