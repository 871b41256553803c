package accesslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"time"

	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	alsv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

const (
	// maxMessage bounds what one message may cost; Envoy flushes at 16 KiB unless a single entry is larger.
	maxMessage = 4 << 20
	// maxConnectionAge makes the egress reconnect now and then, so that streams spread over new replicas.
	maxConnectionAge = 30 * time.Minute
	// maxStreams bounds the streams of one connection; Envoy opens two per worker thread.
	maxStreams = 1024
	// minPing is how often a peer may ask at most whether the server is alive; the egress does so every two seconds.
	minPing = time.Second
	// stopGrace is how long ending streams may take before they are cut.
	stopGrace = 2 * time.Second
	// maxNodeID bounds what is logged of a name that the peer made up.
	maxNodeID = 128
)

// Config is what the server needs to know.
type Config struct {
	// Egress names the Deployment of the fallback egress, and EgressIDs are its SPIFFE ids: over TLS, who has another one
	// can only tell what its own pod does.
	Egress    mesh.Key
	EgressIDs []string
	// Queue is how many observations wait for the learner at most; what comes on top is dropped and counted.
	// The zero value stands for 10,000.
	Queue int
	// TLS tells who may send, and what the server shows for itself. Without it anybody who connects may.
	TLS *tls.Config
}

// Server is Envoy's AccessLogService. Its streams share one queue of observations.
type Server struct {
	alsv3.UnimplementedAccessLogServiceServer

	egress   mesh.Key
	ids      []string
	queue    chan mesh.Observation
	tls      *tls.Config
	metrics  *Metrics
	log      *slog.Logger
	stopping chan struct{}
}

// NewServer makes a server; it serves one listener, once.
func NewServer(cfg Config, metrics *Metrics, log *slog.Logger) *Server {
	if cfg.Queue <= 0 {
		cfg.Queue = 10_000
	}
	return &Server{
		egress:   cfg.Egress,
		ids:      cfg.EgressIDs,
		queue:    make(chan mesh.Observation, cfg.Queue),
		tls:      cfg.TLS,
		metrics:  metrics,
		log:      log,
		stopping: make(chan struct{}),
	}
}

// Observations is the queue. It is never closed.
func (s *Server) Observations() <-chan mesh.Observation { return s.queue }

// Serve accepts streams until ctx ends, then ends them in good order. It closes the listener.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	options := []grpc.ServerOption{
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(maxStreams),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: minPing, PermitWithoutStream: true}),
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionAge:      maxConnectionAge,
			MaxConnectionAgeGrace: 10 * time.Second,
			Time:                  30 * time.Second,
			Timeout:               10 * time.Second,
		}),
	}
	if s.tls != nil {
		options = append(options, grpc.Creds(credentials.NewTLS(s.tls)))
	}
	server := grpc.NewServer(options...)
	alsv3.RegisterAccessLogServiceServer(server, s)
	healthServer := health.NewServer()
	healthServer.SetServingStatus(alsv3.AccessLogService_ServiceDesc.ServiceName, healthv1.HealthCheckResponse_SERVING)
	healthv1.RegisterHealthServer(server, healthServer)

	stopped := make(chan struct{})
	unhook := context.AfterFunc(ctx, func() {
		defer close(stopped)
		healthServer.Shutdown()
		close(s.stopping)
		cut := time.AfterFunc(stopGrace, server.Stop)
		defer cut.Stop()
		server.GracefulStop()
	})
	err := server.Serve(listener)
	if unhook() {
		return fmt.Errorf("serve access logs on %s: %w", listener.Addr(), err)
	}
	<-stopped
	return nil
}

// StreamAccessLogs takes in one stream of entries. When the server stops it ends the stream without an error.
func (s *Server) StreamAccessLogs(stream alsv3.AccessLogService_StreamAccessLogsServer) error {
	s.metrics.streams.Inc()
	defer s.metrics.streams.Dec()
	ended := make(chan error, 1)
	go func() { ended <- s.receive(stream) }()
	select {
	case err := <-ended:
		if err != nil {
			return err
		}
	case <-s.stopping:
	}
	return stream.SendAndClose(&alsv3.StreamAccessLogsResponse{})
}

// receive reads the stream to its end. A stream's node introduces itself in the first message only.
func (s *Server) receive(stream alsv3.AccessLogService_StreamAccessLogsServer) error {
	log := s.log
	var from reporter
	told := map[Reason]bool{}
	for {
		message, err := stream.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			if status.Code(err) != codes.Canceled {
				log.Warn("access-log stream broke", "error", err)
			}
			return err
		}
		if id := message.GetIdentifier(); id != nil {
			log = s.log.With("node", clip(id.GetNode().GetId()), "log", clip(id.GetLogName()))
			log.Debug("access-log stream opened")
			from = reporterOf(id.GetNode().GetId(), s.egress)
			from.egress = from.egress && s.speaksForOthers(stream.Context())
		}
		for reason := range s.take(message, from, time.Now()) {
			if !told[reason] {
				told[reason] = true
				log.Warn("access-log entries cannot be used; told once per stream, see lazyxds_als_entries_total", "reason", reason)
			}
		}
	}
}

// speaksForOthers tells whether the peer of a stream has the identity of the egress.
func (s *Server) speaksForOthers(ctx context.Context) bool {
	if s.tls == nil {
		return true
	}
	from, _ := peer.FromContext(ctx)
	info, ok := from.AuthInfo.(credentials.TLSInfo)
	return ok && slices.ContainsFunc(info.State.PeerCertificates[0].URIs, func(id *url.URL) bool {
		return slices.Contains(s.ids, id.String())
	})
}

// take queues the entries of a message and returns why it could not use some.
func (s *Server) take(message *alsv3.StreamAccessLogsMessage, from reporter, received time.Time) map[Reason]bool {
	rejected := map[Reason]bool{}
	count := func(protocol string, common *accesslogv3.AccessLogCommon, obs mesh.Observation, err error) {
		if age, ok := lag(common, received); ok {
			s.metrics.lag.Observe(age.Seconds())
		}
		if err == nil {
			obs, err = from.attribute(obs)
		}
		if rejection, ok := errors.AsType[Rejection](err); ok {
			rejected[rejection.Reason] = true
			s.metrics.entries.WithLabelValues(protocol, string(rejection.Reason)).Inc()
			return
		}
		s.metrics.entries.WithLabelValues(protocol, resultAccepted).Inc()
		s.enqueue(obs)
	}
	for _, entry := range message.GetHttpLogs().GetLogEntry() {
		obs, err := ParseHTTP(entry, received)
		count(protocolHTTP, entry.GetCommonProperties(), obs, err)
	}
	for _, entry := range message.GetTcpLogs().GetLogEntry() {
		obs, err := ParseTCP(entry, received)
		count(protocolTCP, entry.GetCommonProperties(), obs, err)
	}
	return rejected
}

// enqueue never waits: a stream that is not read would make Envoy buffer, and then drop what is newer.
func (s *Server) enqueue(obs mesh.Observation) {
	select {
	case s.queue <- obs:
	default:
		s.metrics.dropped.WithLabelValues(dropQueueFull).Inc()
	}
}

// clip bounds a string that the peer chose.
func clip(s string) string {
	if len(s) > maxNodeID {
		return s[:maxNodeID] + "..."
	}
	return s
}
