package load

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lazyxds/lazyxds/lab/app"
	"github.com/lazyxds/lazyxds/lab/app/echo"
)

// start serves one port of the echo server and returns its address.
func start(t *testing.T, cfg echo.Config) string {
	t.Helper()
	cfg.Identity = app.Identity{Name: "shop", Version: "v1"}
	services, err := echo.Listen(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Run(ctx, cfg.Identity, services...) }()
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

func TestRunOverEveryProtocol(t *testing.T) {
	http1, grpc := start(t, echo.Config{HTTP: []int{0}}), start(t, echo.Config{GRPC: []int{0}})
	tcp, greeting := start(t, echo.Config{TCP: []int{0}}), start(t, echo.Config{TCPServerFirst: []int{0}})
	secure := start(t, echo.Config{TLS: []int{0}})
	seenAs := http.Header{app.HeaderClientCert: {"URI=" + egress}}
	named, seen := map[string]int{"shop/v1": 10}, map[string]int{egress: 10}
	tests := []struct {
		name          string
		cfg           Config
		served, peers map[string]int
	}{
		{"http", Config{URL: "http://" + http1, KeepAlive: true, Headers: seenAs}, named, seen},
		{"http, connection per request", Config{URL: "http://" + http1, Headers: seenAs}, named, seen},
		{"http2", Config{URL: "http://" + http1, HTTP2: true, KeepAlive: true, Headers: seenAs}, named, seen},
		{"https", Config{URL: "https://" + secure, KeepAlive: true, Headers: seenAs}, named, seen},
		{"https, http2", Config{URL: "https://" + secure, HTTP2: true, KeepAlive: true, Headers: seenAs}, named, seen},
		{"grpc", Config{URL: "grpc://" + grpc, KeepAlive: true, Headers: seenAs}, named, seen},
		{"grpc, connection per request", Config{URL: "grpc://" + grpc, Headers: seenAs}, named, seen},
		{"tcp", Config{URL: "tcp://" + tcp}, map[string]int{}, map[string]int{}},
		{"tcp, server first", Config{URL: "tcp://" + greeting, ServerFirst: true}, named, map[string]int{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.cfg.Requests, tt.cfg.Concurrency, tt.cfg.Timeout = 10, 2, 5*time.Second
			got, err := Run(t.Context(), tt.cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got.Requests != 10 || got.Failed != 0 || got.Latency.Min <= 0 {
				t.Errorf("report %+v", got)
			}
			if diff := cmp.Diff([]map[string]int{tt.served, tt.peers}, []map[string]int{got.ServedBy, got.Peers}); diff != "" {
				t.Errorf("served by and peers (-want +got):\n%s", diff)
			}
			if want := tt.peers[egress]; got.Fallback.Requests != want || got.Unknown.Requests != 10-want {
				t.Errorf("fallback %d, unknown %d", got.Fallback.Requests, got.Unknown.Requests)
			}
		})
	}
}

func TestRunTellsWhenThePathTurnsDirect(t *testing.T) {
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(app.HeaderServedBy, "shop/v1")
		peer := client
		if requests.Add(1) <= 3 {
			peer = egress
		}
		w.Header().Set(app.HeaderPeer, peer)
	}))
	defer server.Close()
	got, err := Run(t.Context(), Config{URL: server.URL, Requests: 10, Timeout: time.Second})
	if err != nil {
		t.Fatal(err)
	}
	if got.FirstPath != "fallback" || got.Fallback.Requests != 3 || got.Direct.Requests != 7 {
		t.Errorf("first %s, fallback %d, direct %d", got.FirstPath, got.Fallback.Requests, got.Direct.Requests)
	}
	if got.TimeToDirectMillis == nil || got.LastFallbackMillis == nil || *got.TimeToDirectMillis <= *got.LastFallbackMillis {
		t.Errorf("time to direct %v, last fallback %v", got.TimeToDirectMillis, got.LastFallbackMillis)
	}
}

func TestFailuresAreCountedByReason(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	shop := "http://" + start(t, echo.Config{HTTP: []int{0}})
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set(app.HeaderDegraded, "ratings: timeout")
	}))
	defer broken.Close()
	tests := []struct {
		url, want string
	}{
		{shop + "/?status=503&size=2", "status 503: xx"},
		{shop + "/?delay=1m", "timeout"},
		{closed.URL, "connection refused"},
		{"tcp" + strings.TrimPrefix(closed.URL, "http"), "connection refused"},
		{broken.URL, "degraded: ratings: timeout"},
	}
	for _, tt := range tests {
		got, err := Run(t.Context(), Config{URL: tt.url, Requests: 2, Concurrency: 2, Timeout: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		if got.Failed != 2 || got.Errors[tt.want] != 2 || got.Unknown.Requests != 0 {
			t.Errorf("%s: failed %d, errors %v, want %q", tt.url, got.Failed, got.Errors, tt.want)
		}
	}
}

func TestPeerEchoedByHTTPBin(t *testing.T) {
	for _, body := range []string{
		`{"headers":{"X-Forwarded-Client-Cert":["Hash=1;URI=` + client + `"]}}`,
		`{"headers":{"X-Forwarded-Client-Cert":"Hash=1;URI=` + client + `"}}`,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, body) }))
		got, err := Run(t.Context(), Config{URL: server.URL, Requests: 1, Timeout: time.Second})
		server.Close()
		if err != nil {
			t.Fatal(err)
		}
		if got.Peers[client] != 1 || got.Direct.Requests != 1 {
			t.Errorf("%s: peers %v", body, got.Peers)
		}
	}
}

func TestRunRefusesWhatItCannotSend(t *testing.T) {
	for _, url := range []string{"", "shop:8080", "ftp://shop", "http://", "tcp://shop", "grpc://shop", "ws://shop/ws", "%"} {
		if _, err := Run(t.Context(), Config{URL: url, Requests: 1, Timeout: time.Second}); err == nil {
			t.Errorf("Run accepted the URL %q", url)
		}
	}
	if _, err := Run(t.Context(), Config{URL: "http://shop", Requests: 1}); err == nil {
		t.Error("Run accepted a timeout of zero")
	}
}

func TestHoldOverEveryProtocol(t *testing.T) {
	plain := start(t, echo.Config{HTTP: []int{0}})
	tests := map[string]Config{
		"ws":    {URL: "ws://" + plain + "/ws"},
		"http":  {URL: "http://" + plain},
		"http2": {URL: "http://" + plain, HTTP2: true},
		"grpc":  {URL: "grpc://" + start(t, echo.Config{GRPC: []int{0}})},
		"tcp":   {URL: "tcp://" + start(t, echo.Config{TCPServerFirst: []int{0}}), ServerFirst: true},
	}
	for name, cfg := range tests {
		t.Run(name, func(t *testing.T) {
			cfg.Duration, cfg.Timeout = 100*time.Millisecond, time.Second
			got, err := Hold(t.Context(), cfg, 5*time.Millisecond)
			if err != nil {
				t.Fatal(err)
			}
			if got.Requests < 2 || got.Failed != 0 || len(got.CutMillis) != 0 || got.ServedBy["shop/v1"] != got.Requests {
				t.Errorf("report %+v", got)
			}
		})
	}
}

func TestHoldReportsCuts(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	go func() {
		// The first connection ends after an answer; the test ends when there is another.
		first, err := l.Accept()
		if err != nil {
			return
		}
		line := make([]byte, 100)
		n, _ := first.Read(line)
		first.Write(line[:n])
		first.Close()
		second, err := l.Accept()
		if err != nil {
			return
		}
		cancel()
		second.Close()
	}()
	got, err := Hold(ctx, Config{URL: "tcp://" + l.Addr().String(), Duration: time.Minute, Timeout: time.Second}, time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	if got.Requests != 2 || got.Failed != 1 || len(got.CutMillis) != 1 {
		t.Errorf("requests %d, failed %d, cuts %v, want one cut after one exchange", got.Requests, got.Failed, got.CutMillis)
	}
}
