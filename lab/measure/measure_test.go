package measure

import (
	"context"
	"net"
	"slices"
	"strings"
	"testing"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointv3 "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routev3 "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/test/bufconn"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
)

// mesh is what a sidecar with one service in scope gets.
func mesh(t *testing.T) sent {
	t.Helper()
	eds := &clusterv3.Cluster_Type{Type: clusterv3.Cluster_EDS}
	hcm := pack(t, &hcmv3.HttpConnectionManager{RouteSpecifier: &hcmv3.HttpConnectionManager_Rds{Rds: &hcmv3.Rds{RouteConfigName: "9080"}}})
	filter := &listenerv3.Filter{Name: "hcm", ConfigType: &listenerv3.Filter_TypedConfig{TypedConfig: hcm}}
	return sent{
		clusterType: {
			pack(t, &clusterv3.Cluster{Name: "outbound|9080||reviews.demo.svc.cluster.local", ClusterDiscoveryType: eds}),
			pack(t, &clusterv3.Cluster{Name: "outbound|9080|v1|reviews.demo.svc.cluster.local", ClusterDiscoveryType: eds,
				EdsClusterConfig: &clusterv3.Cluster_EdsClusterConfig{ServiceName: "reviews-v1"}}),
			pack(t, &clusterv3.Cluster{Name: "PassthroughCluster"}),
			pack(t, &clusterv3.Cluster{Name: "InboundPassthroughCluster"}),
			pack(t, &clusterv3.Cluster{Name: "inbound|9080||"}),
		},
		listenerType: {
			pack(t, &listenerv3.Listener{Name: "0.0.0.0_9080", FilterChains: []*listenerv3.FilterChain{{Filters: []*listenerv3.Filter{filter}}},
				DefaultFilterChain: &listenerv3.FilterChain{Filters: []*listenerv3.Filter{filter}}}),
			pack(t, &listenerv3.Listener{Name: "virtualInbound"}),
		},
		endpointType: {
			pack(t, &endpointv3.ClusterLoadAssignment{ClusterName: "outbound|9080||reviews.demo.svc.cluster.local"}),
			pack(t, &endpointv3.ClusterLoadAssignment{ClusterName: "reviews-v1"}),
		},
		routeType: {pack(t, &routev3.RouteConfiguration{Name: "9080"})},
	}
}

func TestCount(t *testing.T) {
	s := mesh(t)
	got, err := count(s)
	if err != nil {
		t.Fatal(err)
	}
	size := func(typ string, indices ...int) int {
		n := 0
		for _, i := range indices {
			n += len(s[typ][i].Value)
		}
		return n
	}
	want := Result{
		Services:  1,
		Resources: Count{Total: 10, CDS: 3, EDS: 2, LDS: 1, RDS: 1, Inbound: 3},
		Bytes: Count{
			CDS: size(clusterType, 0, 1, 2), EDS: size(endpointType, 0, 1), LDS: size(listenerType, 0), RDS: size(routeType, 0),
			Inbound: size(clusterType, 3, 4) + size(listenerType, 1),
		},
	}
	b := want.Bytes
	want.Bytes.Total = b.CDS + b.EDS + b.LDS + b.RDS + b.Inbound
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("count (-want +got):\n%s", diff)
	}
}

// istiod answers a request with the resources asked for, or all of a type, and pushes clusters in between.
type istiod struct {
	discoveryv3.UnimplementedAggregatedDiscoveryServiceServer
	config sent
	asked  chan *discoveryv3.DiscoveryRequest
}

func (i *istiod) StreamAggregatedResources(stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesServer) error {
	for {
		r, err := stream.Recv()
		if err != nil {
			return err
		}
		if r.ResponseNonce != "" {
			continue
		}
		i.asked <- r
		if r.TypeUrl == routeType {
			if err := stream.Send(&discoveryv3.DiscoveryResponse{TypeUrl: clusterType, Nonce: "push", Resources: i.config[clusterType]}); err != nil {
				return err
			}
		}
		if err := stream.Send(&discoveryv3.DiscoveryResponse{TypeUrl: r.TypeUrl, Nonce: "n", Resources: i.config[r.TypeUrl]}); err != nil {
			return err
		}
	}
}

func TestRequest(t *testing.T) {
	want := mesh(t)
	server := &istiod{config: want, asked: make(chan *discoveryv3.DiscoveryRequest, 10)}
	node := &corev3.Node{Id: "sidecar~10.244.0.5~web.demo~demo.svc.cluster.local"}
	got, err := request(t.Context(), serve(t, server), node)
	if err != nil {
		t.Fatal(err)
	}
	for typ, resources := range want {
		if !slices.EqualFunc(got[typ], resources, func(a, b *anypb.Any) bool { return proto.Equal(a, b) }) {
			t.Errorf("%s: got %d resources, want %d", short(typ), len(got[typ]), len(resources))
		}
	}
	close(server.asked)
	names := map[string][]string{}
	for r := range server.asked {
		if r.Node.GetId() != node.Id {
			t.Errorf("%s asked for as %q", short(r.TypeUrl), r.Node.GetId())
		}
		names[short(r.TypeUrl)] = r.ResourceNames
	}
	wantNames := map[string][]string{
		"Cluster": nil, "Listener": nil, "RouteConfiguration": {"9080"},
		"ClusterLoadAssignment": {"outbound|9080||reviews.demo.svc.cluster.local", "reviews-v1"},
	}
	if diff := cmp.Diff(wantNames, names); diff != "" {
		t.Errorf("resources asked for (-want +got):\n%s", diff)
	}
}

func serve(t *testing.T, s discoveryv3.AggregatedDiscoveryServiceServer) *grpc.ClientConn {
	t.Helper()
	l := bufconn.Listen(1 << 16)
	server := grpc.NewServer()
	discoveryv3.RegisterAggregatedDiscoveryServiceServer(server, s)
	go func() { _ = server.Serve(l) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient("passthrough:///test", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) { return l.DialContext(ctx) }))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

const envoyDump = `{"configs": [
 {"@type": "type.googleapis.com/envoy.admin.v3.BootstrapConfigDump",
  "bootstrap": {"node": {"id": "web", "metadata": {"NAMESPACE": "demo"}, "of_the_future": 1}, "admin": {}}},
 {"@type": "type.googleapis.com/envoy.admin.v3.ClustersConfigDump",
  "static_clusters": [{"cluster": {"name": "prometheus_stats"}}],
  "dynamic_active_clusters": [{"cluster": {"@type": "x", "name": "a", "typed_config": {"@type": "unknown"}}}]},
 {"@type": "type.googleapis.com/envoy.admin.v3.ListenersConfigDump",
  "dynamic_listeners": [
   {"name": "l", "active_state": {"listener": {"name": "l"}}},
   {"name": "bad", "error_state": {"details": "no such filter"}}]},
 {"@type": "type.googleapis.com/envoy.admin.v3.RoutesConfigDump",
  "static_route_configs": [{"route_config": {"name": "s"}}],
  "dynamic_route_configs": [{"route_config": {"name": "80"}}]}
]}`

func TestParseDump(t *testing.T) {
	node, have, err := parseDump([]byte(envoyDump))
	if err != nil {
		t.Fatal(err)
	}
	if node.Id != "web" || node.Metadata.Fields["NAMESPACE"].GetStringValue() != "demo" {
		t.Errorf("node %v", node)
	}
	wantAll := map[string]bool{"Cluster a": true, "Listener l": true, "RouteConfiguration 80": true}
	if diff := cmp.Diff(wantAll, have.all); diff != "" {
		t.Errorf("resources (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]string{"Listener bad": "no such filter"}, have.refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
	if _, _, err := parseDump([]byte(`{"configs": []}`)); err == nil {
		t.Error("no error for a dump without a node")
	}
}

func TestCompare(t *testing.T) {
	want := newNames()
	want.add(clusterType, "a", nil)
	want.add(clusterType, "b", nil)
	same := newNames()
	same.add(clusterType, "b", nil)
	same.add(clusterType, "a", nil)
	same.add(routeType, "of a listener that drains", nil)
	if got := want.compare(same); got != "" {
		t.Errorf("same resources: %s", got)
	}
	other := newNames()
	other.add(clusterType, "a", &refusal{Details: "bad"})
	other.add(listenerType, "l", nil)
	got := want.compare(other)
	for _, part := range []string{"refused Cluster a: bad", "lacks 1 resources such as Cluster b", "still has 1 resources such as Listener l"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q does not say %q", got, part)
		}
	}
}

func pack(t *testing.T, m proto.Message) *anypb.Any {
	t.Helper()
	a, err := anypb.New(m)
	if err != nil {
		t.Fatal(err)
	}
	return a
}
