package mesh

import (
	"net/netip"
	"time"
)

// Observation is one access-log entry of the fallback egress, reduced to what tells who called whom.
type Observation struct {
	// Source is the address of the client, as the PROXY header of the connection to the egress named it.
	Source netip.Addr
	// Dialled is the address and port that the client connected to; the zero value if the entry has none.
	Dialled netip.AddrPort
	// Authority is the :authority or Host header without its port, in lower case; empty for TCP.
	Authority string
	// Upstream is the host of the upstream cluster the egress chose; empty at the start of a request and where the
	// cluster names no service (PassthroughCluster, BlackHoleCluster).
	Upstream Host
	// UpstreamAddr is the address the egress sent the request to, where it got that far.
	UpstreamAddr netip.AddrPort
	// Port is the port of the service that was called: the upstream cluster's, else the dialled one; 0 if unknown.
	Port uint16
	// Started is when the request or connection began, by the egress's clock.
	Started time.Time
	// Received is when the controller took the entry in, by its own clock.
	Received time.Time
}
