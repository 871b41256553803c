package echo

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/lazyxds/lazyxds/lab/app"
)

// start serves cfg, which must name one port, and returns the address to dial.
func start(t *testing.T, cfg Config) string {
	t.Helper()
	cfg.Identity = testID
	services, err := Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, testID, services...) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	_, port, err := net.SplitHostPort(services[0].Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + port
}

func TestListenNamesThePortThatIsTaken(t *testing.T) {
	taken, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	port := taken.Addr().(*net.TCPAddr).Port
	_, err = Listen(Config{Identity: testID, HTTP: []int{port}})
	if want := "listen for http on port " + strconv.Itoa(port); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Listen = %v, want %q", err, want)
	}
	if _, err := Listen(Config{Identity: testID}); err == nil {
		t.Error("Listen without any port succeeded")
	}
}

func TestCleartextHTTP2(t *testing.T) {
	var protocols http.Protocols
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: &protocols}
	defer transport.CloseIdleConnections()
	resp, err := (&http.Client{Transport: transport}).Get("http://" + start(t, Config{HTTP: []int{0}}))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ProtoMajor != 2 {
		t.Errorf("answered in %s", resp.Proto)
	}
}

func TestLineServers(t *testing.T) {
	clear := func(addr string) (net.Conn, error) { return net.Dial("tcp", addr) }
	secure := func(addr string) (net.Conn, error) {
		return tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true, ServerName: "shop.demo"})
	}
	tests := []struct {
		name     string
		cfg      Config
		dial     func(addr string) (net.Conn, error)
		greeting string
	}{
		{"client first", Config{TCP: []int{0}}, clear, ""},
		{"server first", Config{TCPServerFirst: []int{0}}, clear, "hello from shop v2\n"},
		{"TLS", Config{TLS: []int{0}}, secure, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			conn, err := tt.dial(start(t, tt.cfg))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			conn.SetDeadline(time.Now().Add(5 * time.Second))
			reader := bufio.NewReader(conn)
			if tt.greeting != "" {
				if got, err := reader.ReadString('\n'); got != tt.greeting {
					t.Fatalf("greeting %q, %v", got, err)
				}
			}
			fmt.Fprintln(conn, "good morning")
			if got, err := reader.ReadString('\n'); got != "shop: good morning\n" {
				t.Errorf("answer %q, %v", got, err)
			}
		})
	}
}

func TestTLSTellsServerName(t *testing.T) {
	addr := start(t, Config{TLS: []int{0}})
	for _, http2 := range []bool{false, true} {
		transport := &http.Transport{
			TLSClientConfig:   &tls.Config{InsecureSkipVerify: true, ServerName: "shop.demo"},
			ForceAttemptHTTP2: http2,
		}
		defer transport.CloseIdleConnections()
		resp, err := (&http.Client{Transport: transport}).Get("https://" + addr)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var got Answer
		if err := json.NewDecoder(resp.Body).Decode(&got); err != nil {
			t.Fatal(err)
		}
		if got.TLS == nil || got.TLS.SNI != "shop.demo" || (got.Proto == "HTTP/2.0") != http2 {
			t.Errorf("HTTP/2 %v: answered %s, TLS %+v", http2, got.Proto, got.TLS)
		}
	}
}

func TestUDP(t *testing.T) {
	conn, err := net.Dial("udp", start(t, Config{UDP: []int{0}}))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(5 * time.Second))
	fmt.Fprint(conn, "hi")
	datagram := make([]byte, 100)
	n, err := conn.Read(datagram)
	if got := string(datagram[:n]); got != "shop: hi" {
		t.Errorf("answer %q, %v", got, err)
	}
}

func dialGRPC(t *testing.T) pb.TestServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(start(t, Config{GRPC: []int{0}}), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return pb.NewTestServiceClient(conn)
}

func TestGRPCUnary(t *testing.T) {
	client := dialGRPC(t)
	ctx := metadata.AppendToOutgoingContext(t.Context(), app.HeaderClientCert, "URI=spiffe://a")
	var header metadata.MD
	got, err := client.UnaryCall(ctx, &pb.SimpleRequest{Payload: &pb.Payload{Body: []byte("hi")}}, grpc.Header(&header))
	if err != nil {
		t.Fatal(err)
	}
	if string(got.GetPayload().GetBody()) != "hi" || got.GetServerId() != "shop/v2" {
		t.Errorf("answer %v", got)
	}
	if by, peer := header.Get(app.HeaderServedBy), header.Get(app.HeaderPeer); len(by) != 1 || by[0] != "shop/v2" ||
		len(peer) != 1 || peer[0] != "spiffe://a" {
		t.Errorf("served by %q, peer %q", by, peer)
	}

	wanted := &pb.EchoStatus{Code: int32(codes.Unavailable), Message: "as asked"}
	if _, err := client.UnaryCall(ctx, &pb.SimpleRequest{ResponseStatus: wanted}); status.Code(err) != codes.Unavailable {
		t.Errorf("error %v, want Unavailable", err)
	}
}

func TestGRPCStream(t *testing.T) {
	stream, err := dialGRPC(t).FullDuplexCall(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	send := &pb.StreamingOutputCallRequest{
		ResponseParameters: []*pb.ResponseParameters{{Size: 1}, {Size: 2, IntervalUs: 10}},
		Payload:            &pb.Payload{Body: []byte("unused")},
	}
	if err := stream.Send(send); err != nil {
		t.Fatal(err)
	}
	for want := 1; want <= 2; want++ {
		got, err := stream.Recv()
		if n := len(got.GetPayload().GetBody()); n != want {
			t.Errorf("payload of %d bytes, %v; want %d", n, err, want)
		}
	}
}
