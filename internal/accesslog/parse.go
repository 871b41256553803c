package accesslog

import (
	"fmt"
	"net/netip"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Reason is why an entry teaches nothing, short enough for the label of a metric.
type Reason string

// The reasons to reject an entry.
const (
	NoCommon   Reason = "no_common"   // it has no common properties
	NoSource   Reason = "no_source"   // it names no client
	BadAddress Reason = "bad_address" // its client is no address a pod could have
	IsInbound  Reason = "inbound"     // it is about a request to the proxy itself
	IsUDP      Reason = "udp"         // sidecars do not handle UDP
	NoService  Reason = "no_service"  // neither address, authority nor cluster tells what was called
	NoReporter Reason = "no_reporter" // its stream is no sidecar's, nor the egress's
)

// Reasons lists every reason there is.
var Reasons = []Reason{NoCommon, NoSource, BadAddress, IsInbound, IsUDP, NoService, NoReporter}

// Rejection is the error for an entry that cannot become an observation.
type Rejection struct {
	Reason Reason
}

// Error tells the reason.
func (r Rejection) Error() string { return fmt.Sprintf("access-log entry rejected: %s", r.Reason) }

// ParseHTTP reduces the entry of an HTTP request, at its start, on its way or at its end. Its error is a [Rejection].
func ParseHTTP(entry *accesslogv3.HTTPAccessLogEntry, received time.Time) (mesh.Observation, error) {
	return parse(entry.GetCommonProperties(), authorityHost(entry.GetRequest().GetAuthority()), received)
}

// ParseTCP reduces the entry of a TCP connection, at its start, on its way or at its end. Its error is a [Rejection].
func ParseTCP(entry *accesslogv3.TCPAccessLogEntry, received time.Time) (mesh.Observation, error) {
	return parse(entry.GetCommonProperties(), "", received)
}

func parse(common *accesslogv3.AccessLogCommon, authority string, received time.Time) (mesh.Observation, error) {
	if common == nil {
		return mesh.Observation{}, Rejection{NoCommon}
	}
	if isUDP(common.GetAccessLogType()) {
		return mesh.Observation{}, Rejection{IsUDP}
	}
	source, err := sourceAddr(common.GetDownstreamRemoteAddress())
	if err != nil {
		return mesh.Observation{}, err
	}
	obs := mesh.Observation{
		Source:       source,
		Dialled:      addrPort(common.GetDownstreamLocalAddress()),
		Authority:    authority,
		UpstreamAddr: addrPort(common.GetUpstreamRemoteAddress()),
		Started:      startTime(common, received),
		Received:     received,
	}
	obs.Port = obs.Dialled.Port()
	if cluster, ok := ParseCluster(common.GetUpstreamCluster()); ok {
		if cluster.Direction == Inbound {
			return mesh.Observation{}, Rejection{IsInbound}
		}
		obs.Upstream, obs.Port = cluster.Host, cluster.Port
	}
	if !obs.Dialled.IsValid() && obs.Authority == "" && obs.Upstream == "" && !obs.UpstreamAddr.IsValid() {
		return mesh.Observation{}, Rejection{NoService}
	}
	return obs, nil
}

// startTime falls back to the time of arrival: an entry is at most as old as Envoy's flush interval where it has none.
func startTime(common *accesslogv3.AccessLogCommon, received time.Time) time.Time {
	start := common.GetStartTime()
	if start.CheckValid() != nil {
		return received
	}
	return start.AsTime()
}

// lag is how long the entry took from the event it reports to its arrival.
func lag(common *accesslogv3.AccessLogCommon, received time.Time) (time.Duration, bool) {
	if common.GetStartTime().CheckValid() != nil {
		return 0, false
	}
	event := common.GetStartTime().AsTime()
	if d := common.GetDuration(); d.CheckValid() == nil {
		event = event.Add(d.AsDuration())
	}
	return max(0, received.Sub(event)), true
}

// sourceAddr reads the client's address; its port is of no interest.
func sourceAddr(a *corev3.Address) (netip.Addr, error) {
	if a == nil {
		return netip.Addr{}, Rejection{NoSource}
	}
	addr, ok := ipAddr(a.GetSocketAddress().GetAddress())
	if !ok || addr.IsUnspecified() || addr.IsLoopback() || addr.IsMulticast() {
		return netip.Addr{}, Rejection{BadAddress}
	}
	return addr, nil
}

// addrPort reads a TCP address; the zero value stands for everything else, such as a pipe, which is how Envoy connects to itself.
func addrPort(a *corev3.Address) netip.AddrPort {
	socket := a.GetSocketAddress()
	addr, ok := ipAddr(socket.GetAddress())
	port := socket.GetPortValue()
	if !ok || addr.IsUnspecified() || port == 0 || port > 65535 || socket.GetProtocol() != corev3.SocketAddress_TCP {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(addr, uint16(port))
}

// ipAddr reads an address without zone; IPv4 addresses mapped into IPv6 become IPv4, as the API server writes them.
func ipAddr(s string) (netip.Addr, bool) {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return netip.Addr{}, false
	}
	return addr.Unmap(), true
}

func isUDP(t accesslogv3.AccessLogType) bool {
	switch t {
	case accesslogv3.AccessLogType_UdpTunnelUpstreamConnected,
		accesslogv3.AccessLogType_UdpPeriodic,
		accesslogv3.AccessLogType_UdpSessionEnd:
		return true
	default:
		return false
	}
}
