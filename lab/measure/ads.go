package measure

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"time"

	clusterv3 "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	listenerv3 "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcmv3 "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	discoveryv3 "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

const (
	clusterType  = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	endpointType = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment"
	listenerType = "type.googleapis.com/envoy.config.listener.v3.Listener"
	routeType    = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
)

// istiodPort is istiod's plaintext xDS port, open inside the cluster only.
const istiodPort = "15010"

// sent is what istiod sends a sidecar, by type.
type sent map[string][]*anypb.Any

// askIstiod requests the whole configuration of a node from the lab's istiod.
func askIstiod(ctx context.Context, l *cluster.Lab, node *corev3.Node) (sent, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	istiod, err := l.Pod(ctx, cluster.Target{Namespace: cluster.SystemNamespace, Name: "deploy/istiod"})
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient("passthrough:///"+net.JoinHostPort(istiod.Status.PodIP, istiodPort),
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) { return l.Dial(ctx, "tcp", address) }),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(1<<30)))
	if err != nil {
		return nil, fmt.Errorf("connect to istiod: %w", err)
	}
	defer conn.Close()
	return request(ctx, conn, node)
}

// request asks for clusters and listeners, then for the endpoints and routes that those name.
func request(ctx context.Context, conn *grpc.ClientConn, node *corev3.Node) (sent, error) {
	stream, err := discoveryv3.NewAggregatedDiscoveryServiceClient(conn).StreamAggregatedResources(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask istiod: %w", err)
	}
	s := subscription{stream: stream, node: node, got: sent{}}
	if err := s.fetch(clusterType, nil); err != nil {
		return nil, err
	}
	if err := s.fetch(listenerType, nil); err != nil {
		return nil, err
	}
	endpoints, err := s.got.endpointNames()
	if err != nil {
		return nil, err
	}
	routes, err := s.got.routeNames()
	if err != nil {
		return nil, err
	}
	return s.got, errors.Join(s.fetch(endpointType, endpoints), s.fetch(routeType, routes))
}

// subscription is one ADS stream to istiod.
type subscription struct {
	stream discoveryv3.AggregatedDiscoveryService_StreamAggregatedResourcesClient
	node   *corev3.Node
	got    sent
}

// fetch requests resources, all of the type if names is nil, and takes istiod's answer.
func (s subscription) fetch(typ string, names []string) error {
	if names != nil && len(names) == 0 {
		return nil
	}
	err := s.stream.Send(&discoveryv3.DiscoveryRequest{Node: s.node, TypeUrl: typ, ResourceNames: names})
	if err != nil {
		return fmt.Errorf("ask istiod for %s: %w", short(typ), err)
	}
	for {
		answer, err := s.stream.Recv()
		if err != nil {
			return fmt.Errorf("get %s from istiod: %w", short(typ), err)
		}
		// A push of another type may come in between; the latest of each counts.
		s.got[answer.TypeUrl] = answer.Resources
		ack := &discoveryv3.DiscoveryRequest{
			TypeUrl: answer.TypeUrl, ResourceNames: names, VersionInfo: answer.VersionInfo, ResponseNonce: answer.Nonce,
		}
		if answer.TypeUrl == typ {
			if err := s.stream.Send(ack); err != nil {
				return fmt.Errorf("acknowledge %s: %w", short(typ), err)
			}
			return nil
		}
	}
}

// endpointNames are the endpoints that the clusters ask for; never nil.
func (s sent) endpointNames() ([]string, error) {
	list := []string{}
	for _, r := range s[clusterType] {
		var c clusterv3.Cluster
		if err := r.UnmarshalTo(&c); err != nil {
			return nil, fmt.Errorf("decode cluster: %w", err)
		}
		if c.GetType() != clusterv3.Cluster_EDS {
			continue
		}
		name := c.GetEdsClusterConfig().GetServiceName()
		if name == "" {
			name = c.Name
		}
		list = append(list, name)
	}
	return list, nil
}

// routeNames are the route configurations that the listeners ask for; never nil.
func (s sent) routeNames() ([]string, error) {
	list := []string{}
	for _, r := range s[listenerType] {
		var l listenerv3.Listener
		if err := r.UnmarshalTo(&l); err != nil {
			return nil, fmt.Errorf("decode listener: %w", err)
		}
		for _, chain := range append(l.FilterChains, l.DefaultFilterChain) {
			for _, filter := range chain.GetFilters() {
				var h hcmv3.HttpConnectionManager
				if !filter.GetTypedConfig().MessageIs(&h) {
					continue
				}
				if err := filter.GetTypedConfig().UnmarshalTo(&h); err != nil {
					return nil, fmt.Errorf("decode HTTP filter of listener %s: %w", l.Name, err)
				}
				if name := h.GetRds().GetRouteConfigName(); name != "" {
					list = append(list, name)
				}
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list), nil
}
