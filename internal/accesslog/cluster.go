package accesslog

import (
	"strconv"
	"strings"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Direction is the side of a proxy that a cluster belongs to.
type Direction string

// The directions of Istio's clusters.
const (
	Outbound Direction = "outbound"
	Inbound  Direction = "inbound"
)

// Cluster is what Istio writes into the name of a cluster.
type Cluster struct {
	Direction Direction
	Port      uint16
	Subset    string
	Host      mesh.Host // empty for inbound clusters, which serve whatever the pod does
}

// maxClusterName is more than Istio ever writes: a direction, a port, a subset (63) and a host (253).
const maxClusterName = 512

// ParseCluster reads the name of a cluster of Istio's, in its plain form "outbound|9080|v1|reviews.demo.svc.cluster.local"
// or in the one for DNS SRV lookups, "outbound_.9080_.v1_.reviews.demo.svc.cluster.local". It reports false for a name
// of any other shape: PassthroughCluster, BlackHoleCluster, the clusters of a bootstrap, or nonsense.
func ParseCluster(name string) (Cluster, bool) {
	if len(name) > maxClusterName {
		return Cluster{}, false
	}
	parts := strings.Split(name, "|")
	if len(parts) == 1 {
		parts = strings.SplitN(name, "_.", 4)
	}
	if len(parts) != 4 {
		return Cluster{}, false
	}
	c := Cluster{Direction: Direction(parts[0]), Subset: parts[2]}
	port, err := strconv.ParseUint(parts[1], 10, 16)
	if err != nil || port == 0 {
		return Cluster{}, false
	}
	c.Port = uint16(port)
	if host, ok := registryHost(parts[3]); ok {
		c.Host = host
	} else if parts[3] != "" || c.Direction != Inbound {
		return Cluster{}, false
	}
	if c.Direction != Outbound && c.Direction != Inbound {
		return Cluster{}, false
	}
	return c, true
}
