package accesslog

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	alsv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/test/bufconn"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// running is a server, a client of its, and how to stop it.
type running struct {
	*Server
	conn *grpc.ClientConn
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, cfg Config) *running {
	t.Helper()
	listener := bufconn.Listen(8 << 20)
	ctx, cancel := context.WithCancel(t.Context())
	cfg.Egress = egress
	r := &running{
		Server: NewServer(cfg, NewMetrics(prometheus.NewPedanticRegistry()), slog.New(slog.DiscardHandler)),
		stop:   cancel,
		done:   make(chan error, 1),
	}
	go func() { r.done <- r.Serve(ctx, listener) }()
	conn, err := grpc.NewClient("passthrough:als",
		grpc.WithContextDialer(func(context.Context, string) (net.Conn, error) { return listener.Dial() }),
		grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	r.conn = conn
	t.Cleanup(func() {
		conn.Close()
		cancel()
	})
	return r
}

// stream opens a stream as the egress does.
func (r *running) stream(t *testing.T) alsv3.AccessLogService_StreamAccessLogsClient {
	t.Helper()
	return r.streamAs(t, "sidecar~10.244.0.3~istio-egressgateway-lazyxds-1.istio-system~istio-system.svc.cluster.local")
}

func (r *running) streamAs(t *testing.T, node string) alsv3.AccessLogService_StreamAccessLogsClient {
	t.Helper()
	stream, err := alsv3.NewAccessLogServiceClient(r.conn).StreamAccessLogs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send(t, stream, &alsv3.StreamAccessLogsMessage{Identifier: &alsv3.StreamAccessLogsMessage_Identifier{
		Node: &corev3.Node{Id: node}, LogName: "http_envoy_accesslog",
	}})
	return stream
}

func (r *running) next(t *testing.T) mesh.Observation {
	t.Helper()
	select {
	case obs := <-r.Observations():
		return obs
	case <-time.After(5 * time.Second):
		t.Fatal("no observation arrived")
		return mesh.Observation{}
	}
}

func httpLogs(entries ...*accesslogv3.HTTPAccessLogEntry) *alsv3.StreamAccessLogsMessage {
	return &alsv3.StreamAccessLogsMessage{LogEntries: &alsv3.StreamAccessLogsMessage_HttpLogs{
		HttpLogs: &alsv3.StreamAccessLogsMessage_HTTPAccessLogEntries{LogEntry: entries},
	}}
}

func tcpLogs(entries ...*accesslogv3.TCPAccessLogEntry) *alsv3.StreamAccessLogsMessage {
	return &alsv3.StreamAccessLogsMessage{LogEntries: &alsv3.StreamAccessLogsMessage_TcpLogs{
		TcpLogs: &alsv3.StreamAccessLogsMessage_TCPAccessLogEntries{LogEntry: entries},
	}}
}

func send(t *testing.T, stream alsv3.AccessLogService_StreamAccessLogsClient, messages ...*alsv3.StreamAccessLogsMessage) {
	t.Helper()
	for _, m := range messages {
		if err := stream.Send(m); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServerTakesEntriesIn(t *testing.T) {
	r := start(t, Config{})
	stream := r.stream(t)
	send(t, stream, httpLogs(request()), tcpLogs(
		&accesslogv3.TCPAccessLogEntry{},
		&accesslogv3.TCPAccessLogEntry{CommonProperties: request().CommonProperties},
	), &alsv3.StreamAccessLogsMessage{}, httpLogs(nil, request(func(e *accesslogv3.HTTPAccessLogEntry) {
		e.CommonProperties.DownstreamRemoteAddress = pipe("@")
	})))
	if obs := r.next(t); obs.Authority != "reviews" || obs.Received.IsZero() {
		t.Errorf("first observation %+v, want the HTTP request", obs)
	}
	if obs := r.next(t); obs.Authority != "" || obs.Upstream != "reviews.demo.svc.cluster.local" {
		t.Errorf("second observation %+v, want the TCP connection", obs)
	}
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Errorf("close the stream: %v", err)
	}
	for _, want := range []struct{ protocol, result string }{
		{"http", "accepted"}, {"http", "bad_address"}, {"http", "no_common"}, {"tcp", "accepted"}, {"tcp", "no_common"},
	} {
		if n := testutil.ToFloat64(r.metrics.entries.WithLabelValues(want.protocol, want.result)); n != 1 {
			t.Errorf("entries{%s,%s} = %v, want 1", want.protocol, want.result, n)
		}
	}
}

// What a sidecar reports is its own pod's doing; what nobody knows reports counts as rejected.
func TestServerTellsReportersApart(t *testing.T) {
	r := start(t, Config{})
	send(t, r.streamAs(t, "sidecar~10.244.0.9~web-1.demo~demo.svc.cluster.local"), httpLogs(request()))
	if obs := r.next(t); obs.Source.String() != "10.244.0.9" {
		t.Errorf("the observation of a sidecar is of %s, want its own pod", obs.Source)
	}
	stranger := r.streamAs(t, strings.Repeat("n", 1<<20))
	send(t, stranger, httpLogs(request()))
	if _, err := stranger.CloseAndRecv(); err != nil {
		t.Fatal(err)
	}
	if n := testutil.ToFloat64(r.metrics.entries.WithLabelValues("http", "no_reporter")); n != 1 {
		t.Errorf("entries{http,no_reporter} = %v, want 1", n)
	}
}

func TestServerDropsWhenTheQueueIsFull(t *testing.T) {
	r := start(t, Config{Queue: 2})
	stream := r.stream(t)
	send(t, stream, httpLogs(request(), request(), request(), request(), request()))
	if _, err := stream.CloseAndRecv(); err != nil {
		t.Fatal(err)
	}
	if n := len(r.Observations()); n != 2 {
		t.Errorf("%d observations wait, want 2", n)
	}
	if n := testutil.ToFloat64(r.metrics.dropped.WithLabelValues(dropQueueFull)); n != 3 {
		t.Errorf("dropped = %v, want 3", n)
	}
}

func TestServerRefusesHugeMessages(t *testing.T) {
	r := start(t, Config{})
	stream := r.stream(t)
	_ = stream.Send(httpLogs(request(func(e *accesslogv3.HTTPAccessLogEntry) {
		e.Request.Path = strings.Repeat("/", maxMessage)
	})))
	if _, err := stream.CloseAndRecv(); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a message of more than 4 MiB: %v, want ResourceExhausted", err)
	}
	good := r.stream(t)
	send(t, good, httpLogs(request()))
	r.next(t)
}

func TestServerStopsGracefully(t *testing.T) {
	r := start(t, Config{})
	stream := r.stream(t)
	send(t, stream, httpLogs(request()))
	r.next(t)
	healthClient := healthv1.NewHealthClient(r.conn)
	answer, err := healthClient.Check(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil || answer.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v, want SERVING", answer, err)
	}
	if n := testutil.ToFloat64(r.metrics.streams); n != 1 {
		t.Errorf("streams = %v, want 1", n)
	}
	r.stop()
	if err := stream.RecvMsg(&alsv3.StreamAccessLogsResponse{}); err != nil {
		t.Errorf("an open stream ended with %v, want the response", err)
	}
	if err := stream.RecvMsg(&alsv3.StreamAccessLogsResponse{}); !errors.Is(err, io.EOF) {
		t.Errorf("after the response: %v, want the end of the stream", err)
	}
	if err := <-r.done; err != nil {
		t.Errorf("Serve: %v", err)
	}
	if n := testutil.ToFloat64(r.metrics.streams); n != 0 {
		t.Errorf("streams = %v, want 0", n)
	}
}

func TestMetricNames(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	NewMetrics(reg)
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}
