package accesslog

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

var (
	started  = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	received = started.Add(150 * time.Millisecond)
)

func socket(addr string, port uint32) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
		Address: addr, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: port},
	}}}
}

func udp(addr string, port uint32) *corev3.Address {
	a := socket(addr, port)
	a.GetSocketAddress().Protocol = corev3.SocketAddress_UDP
	return a
}

func pipe(path string) *corev3.Address {
	return &corev3.Address{Address: &corev3.Address_Pipe{Pipe: &corev3.Pipe{Path: path}}}
}

// request is the entry of a finished request to reviews, as the egress writes it.
func request(change ...func(*accesslogv3.HTTPAccessLogEntry)) *accesslogv3.HTTPAccessLogEntry {
	entry := &accesslogv3.HTTPAccessLogEntry{
		CommonProperties: &accesslogv3.AccessLogCommon{
			DownstreamRemoteAddress:       socket("10.244.0.7", 40312),
			DownstreamDirectRemoteAddress: pipe("@"),
			DownstreamLocalAddress:        socket("10.96.0.20", 9080),
			UpstreamRemoteAddress:         socket("10.244.0.9", 9080),
			UpstreamCluster:               "outbound|9080|v1|reviews.demo.svc.cluster.local",
			StartTime:                     timestamppb.New(started),
			Duration:                      durationpb.New(50 * time.Millisecond),
			AccessLogType:                 accesslogv3.AccessLogType_DownstreamEnd,
		},
		Request: &accesslogv3.HTTPRequestProperties{Authority: "reviews:9080", Path: "/reviews/0"},
	}
	for _, c := range change {
		c(entry)
	}
	return entry
}

func TestParseHTTP(t *testing.T) {
	finished := mesh.Observation{
		Source:       netip.MustParseAddr("10.244.0.7"),
		Dialled:      netip.MustParseAddrPort("10.96.0.20:9080"),
		Authority:    "reviews",
		Upstream:     "reviews.demo.svc.cluster.local",
		UpstreamAddr: netip.MustParseAddrPort("10.244.0.9:9080"),
		Port:         9080,
		Started:      started,
		Received:     received,
	}
	tests := map[string]struct {
		change func(*accesslogv3.HTTPAccessLogEntry)
		want   func(*mesh.Observation)
	}{
		"finished": {},
		"just started, without an upstream": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.AccessLogType = accesslogv3.AccessLogType_DownstreamStart
				e.CommonProperties.UpstreamCluster, e.CommonProperties.UpstreamRemoteAddress = "", nil
			},
			func(o *mesh.Observation) { o.Upstream, o.UpstreamAddr = "", netip.AddrPort{} },
		},
		"passed through": {
			func(e *accesslogv3.HTTPAccessLogEntry) { e.CommonProperties.UpstreamCluster = "PassthroughCluster" },
			func(o *mesh.Observation) { o.Upstream = "" },
		},
		"routed to another port": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.UpstreamCluster = "outbound|8443||canary.demo.svc.cluster.local"
			},
			func(o *mesh.Observation) { o.Upstream, o.Port = "canary.demo.svc.cluster.local", 8443 },
		},
		"IPv4 mapped into IPv6": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.DownstreamRemoteAddress = socket("::ffff:10.244.0.7", 1)
				e.CommonProperties.DownstreamLocalAddress = socket("::ffff:a60:14", 9080)
			},
			func(*mesh.Observation) {},
		},
		"IPv6": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.DownstreamRemoteAddress = socket("fd00:0:0:0::7", 1)
				e.CommonProperties.DownstreamLocalAddress = socket("FD00::96", 9080)
				e.Request.Authority = "[FD00:0::96]:9080"
			},
			func(o *mesh.Observation) {
				o.Source, o.Dialled = netip.MustParseAddr("fd00::7"), netip.MustParseAddrPort("[fd00::96]:9080")
				o.Authority = "fd00::96"
			},
		},
		"client port out of range": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.DownstreamRemoteAddress = socket("10.244.0.7", 1<<31)
			},
			func(*mesh.Observation) {},
		},
		"dialled a pipe": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.DownstreamLocalAddress = pipe("@lazyxds-loop")
			},
			func(o *mesh.Observation) { o.Dialled = netip.AddrPort{} },
		},
		"dialled port 0": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.DownstreamLocalAddress = socket("10.96.0.20", 0)
			},
			func(o *mesh.Observation) { o.Dialled = netip.AddrPort{} },
		},
		"dialled port out of range": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.DownstreamLocalAddress = socket("10.96.0.20", 65536+9080)
			},
			func(o *mesh.Observation) { o.Dialled = netip.AddrPort{} },
		},
		"cluster of nonsense": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.UpstreamCluster = strings.Repeat("outbound|", 1<<17)
			},
			func(o *mesh.Observation) { o.Upstream = "" },
		},
		"authority and path of 1 MB": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.Request.Authority, e.Request.Path = strings.Repeat("a", 1<<20), strings.Repeat("/", 1<<20)
			},
			func(o *mesh.Observation) { o.Authority = "" },
		},
		"no start time": {
			func(e *accesslogv3.HTTPAccessLogEntry) { e.CommonProperties.StartTime = nil },
			func(o *mesh.Observation) { o.Started = received },
		},
		"start time out of range": {
			func(e *accesslogv3.HTTPAccessLogEntry) {
				e.CommonProperties.StartTime = &timestamppb.Timestamp{Seconds: 1 << 60, Nanos: -1}
			},
			func(o *mesh.Observation) { o.Started = received },
		},
		"no request properties": {
			func(e *accesslogv3.HTTPAccessLogEntry) { e.Request = nil },
			func(o *mesh.Observation) { o.Authority = "" },
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			entry, want := request(), finished
			if test.change != nil {
				test.change(entry)
				test.want(&want)
			}
			got, err := ParseHTTP(entry, received)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.AddrPort{})); diff != "" {
				t.Errorf("observation (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRejections(t *testing.T) {
	from := func(a *corev3.Address) *accesslogv3.AccessLogCommon {
		return &accesslogv3.AccessLogCommon{DownstreamRemoteAddress: a, DownstreamLocalAddress: socket("10.96.0.20", 9080)}
	}
	tests := map[string]struct {
		common *accesslogv3.AccessLogCommon
		want   Reason
	}{
		"empty":             {nil, NoCommon},
		"no addresses":      {&accesslogv3.AccessLogCommon{}, NoSource},
		"empty address":     {from(&corev3.Address{}), BadAddress},
		"pipe":              {from(pipe("/tmp/x")), BadAddress},
		"name":              {from(socket("productpage", 1)), BadAddress},
		"with a zone":       {from(socket("fe80::1%eth0", 1)), BadAddress},
		"loopback":          {from(socket("127.0.0.6", 1)), BadAddress},
		"mapped loopback":   {from(socket("::ffff:127.0.0.1", 1)), BadAddress},
		"unspecified":       {from(socket("::", 1)), BadAddress},
		"multicast":         {from(socket("224.0.0.1", 1)), BadAddress},
		"1 MB of address":   {from(socket(strings.Repeat("1", 1<<20), 1)), BadAddress},
		"nothing dialled":   {&accesslogv3.AccessLogCommon{DownstreamRemoteAddress: socket("10.244.0.7", 1)}, NoService},
		"dialled over UDP":  {&accesslogv3.AccessLogCommon{DownstreamRemoteAddress: socket("10.244.0.7", 1), DownstreamLocalAddress: udp("10.96.0.10", 53)}, NoService},
		"UDP session":       {&accesslogv3.AccessLogCommon{AccessLogType: accesslogv3.AccessLogType_UdpSessionEnd}, IsUDP},
		"to the egress":     {&accesslogv3.AccessLogCommon{DownstreamRemoteAddress: socket("10.244.0.7", 1), UpstreamCluster: "inbound|8080||"}, IsInbound},
		"nothing but flags": {&accesslogv3.AccessLogCommon{DownstreamRemoteAddress: socket("10.244.0.7", 1), UpstreamCluster: "BlackHoleCluster"}, NoService},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := ParseTCP(&accesslogv3.TCPAccessLogEntry{CommonProperties: test.common}, received)
			if want := (Rejection{test.want}); !errors.Is(err, want) {
				t.Errorf("ParseTCP: %v, want %v", err, want)
			}
			_, err = ParseHTTP(&accesslogv3.HTTPAccessLogEntry{CommonProperties: test.common}, received)
			if want := (Rejection{test.want}); !errors.Is(err, want) {
				t.Errorf("ParseHTTP: %v, want %v", err, want)
			}
		})
	}
	if _, err := ParseHTTP(nil, received); !errors.Is(err, Rejection{NoCommon}) {
		t.Errorf("ParseHTTP(nil): %v", err)
	}
}

func TestAuthorityHost(t *testing.T) {
	for authority, want := range map[string]string{
		"reviews":                         "reviews",
		"Reviews.Demo:9080":               "reviews.demo",
		"reviews.demo.svc.cluster.local.": "reviews.demo.svc.cluster.local",
		"reviews.:9080":                   "reviews",
		"user:pass@reviews:80":            "reviews",
		"a@b@reviews":                     "reviews",
		"10.96.0.20:9080":                 "10.96.0.20",
		"[::ffff:10.96.0.20]:9080":        "10.96.0.20",
		"[2001:DB8::1]":                   "2001:db8::1",
		"2001:db8:0::1":                   "2001:db8::1",
		"a_b.demo":                        "a_b.demo",
		"":                                "",
		":9080":                           "",
		".":                               "",
		"..":                              "",
		"@":                               "",
		"[::1":                            "",
		"[reviews]":                       "",
		"[fe80::1%25eth0]:80":             "",
		"a:b:c":                           "",
		"*.example.com":                   "",
		"a/b":                             "",
		"re views":                        "",
		"\x00":                            "",
		"münchen.example":                 "",
		strings.Repeat("a.", 127) + "a":   "",
	} {
		if got := authorityHost(authority); got != want {
			t.Errorf("authorityHost(%q) = %q, want %q", authority, got, want)
		}
	}
}

func TestLag(t *testing.T) {
	if d, ok := lag(request().CommonProperties, received); !ok || d != 100*time.Millisecond {
		t.Errorf("lag of an entry that ended 100 ms ago: %v, %v", d, ok)
	}
	if d, ok := lag(request().CommonProperties, started.Add(-time.Hour)); !ok || d != 0 {
		t.Errorf("lag of an entry from the future: %v, %v, want 0", d, ok)
	}
	if _, ok := lag(nil, received); ok {
		t.Error("an entry without a time has a lag")
	}
}

func FuzzParseHTTP(f *testing.F) {
	seed, err := proto.Marshal(request())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		var entry accesslogv3.HTTPAccessLogEntry
		if proto.Unmarshal(data, &entry) != nil {
			return
		}
		lag(entry.GetCommonProperties(), received)
		obs, err := ParseHTTP(&entry, received)
		if err != nil {
			if _, ok := errors.AsType[Rejection](err); !ok {
				t.Fatalf("error is no rejection: %v", err)
			}
			return
		}
		if !obs.Source.IsValid() || obs.Source.Is4In6() || obs.Source.Zone() != "" {
			t.Errorf("source %v", obs.Source)
		}
		if obs.Dialled.IsValid() && (obs.Dialled.Port() == 0 || obs.Dialled.Addr().Is4In6()) {
			t.Errorf("dialled %v", obs.Dialled)
		}
		if _, err := netip.ParseAddr(obs.Authority); err != nil {
			checkHost(t, obs.Authority, false)
		}
		checkHost(t, strings.TrimPrefix(string(obs.Upstream), "*."), false)
		if !obs.Dialled.IsValid() && obs.Authority == "" && obs.Upstream == "" && !obs.UpstreamAddr.IsValid() {
			t.Error("nothing tells what was called")
		}
		if obs.Started.IsZero() {
			t.Error("no start time")
		}
	})
}
