package mesh

import (
	"net/netip"
	"time"
)

// Observation is one access-log entry of the fallback egress, or of an observed workload's own sidecar, reduced to what tells
// who called whom.
type Observation struct {
	// Source is the address of the client: of an entry of the egress, as the PROXY header of the connection to it named it; of
	// one of a sidecar, that of the sidecar's own pod.
	Source netip.Addr
	// Direct tells that the client's own sidecar reported it.
	Direct bool
	// Dialled is the address and port that the client connected to; the zero value if the entry has none.
	Dialled netip.AddrPort
	// Authority is the :authority or Host header without its port, in lower case; empty for TCP.
	Authority string
	// Upstream is the host of the upstream cluster the proxy chose; empty at the start of a request and where the
	// cluster names no service (PassthroughCluster, BlackHoleCluster).
	Upstream Host
	// UpstreamAddr is the address the proxy sent the request to, where it got that far.
	UpstreamAddr netip.AddrPort
	// Port is the port of the service that was called: the upstream cluster's, else the dialled one; 0 if unknown.
	Port uint16
	// Started is when the request or connection began, by the proxy's clock.
	Started time.Time
	// Received is when the controller took the entry in, by its own clock.
	Received time.Time
}
