package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

const (
	egress = "spiffe://cluster.local/ns/istio-system/sa/istio-egressgateway-lazyxds"
	client = "spiffe://cluster.local/ns/demo/sa/client"
)

// recorded is a load whose first request took the fallback, whose second failed and whose others went directly.
func recorded(firstApart bool) *Report {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	rec := newRecorder(firstApart, start)
	add := func(n, sent, took int, o Outcome) {
		at := start.Add(time.Duration(sent) * time.Millisecond)
		rec.add(n, at, at.Add(time.Duration(took)*time.Millisecond), o)
	}
	add(0, 0, 9, Outcome{Peer: egress, ServedBy: "shop/v1"})
	add(1, 10, 5, Outcome{Err: "timeout"})
	add(3, 30, 4, Outcome{Peer: client, ServedBy: "shop/v2"})
	add(2, 20, 2, Outcome{Peer: client, ServedBy: "shop/v1"})
	add(4, 40, 1, Outcome{})
	return rec.report("http://shop", "http", start.Add(50*time.Millisecond))
}

func TestReport(t *testing.T) {
	direct, fallback := 22.0, 9.0
	want := &Report{
		URL: "http://shop", Kind: "http", Start: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Seconds: 0.05,
		Requests: 5, Failed: 1, Errors: map[string]int{"timeout": 1},
		Latency:     Latency{Min: 1, P50: 2, P90: 9, P99: 9, Max: 9},
		Fallback:    Path{Requests: 1, Latency: Latency{9, 9, 9, 9, 9}},
		Direct:      Path{Requests: 2, Latency: Latency{2, 2, 4, 4, 4}},
		Unknown:     Path{Requests: 1, Latency: Latency{1, 1, 1, 1, 1}},
		FirstMillis: 9, FirstPath: "fallback", TimeToDirectMillis: &direct, LastFallbackMillis: &fallback,
		Peers: map[string]int{egress: 1, client: 2}, ServedBy: map[string]int{"shop/v1": 2, "shop/v2": 1},
	}
	if diff := cmp.Diff(want, recorded(false)); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
}

func TestFirstApart(t *testing.T) {
	got := recorded(true)
	if got.Latency.Max != 4 || got.FirstMillis != 9 || got.Fallback.Requests != 1 || got.Fallback.Latency != (Latency{}) {
		t.Errorf("first request not apart: %+v", got)
	}
}

func TestTable(t *testing.T) {
	var out bytes.Buffer
	if err := recorded(false).WriteTable(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"5 requests", "1 failed", "after 22 ms", "timeout", "shop/v2", egress, "fallback  1"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("table lacks %q:\n%s", want, out.String())
		}
	}
}

func TestReasonsAreBounded(t *testing.T) {
	rec := newRecorder(false, time.Now())
	for n := range maxReasons + 5 {
		rec.add(n, time.Now(), time.Now(), Outcome{Err: fmt.Sprint("reason ", n)})
	}
	got := rec.report("", "", time.Now())
	if got.Failed != maxReasons+5 || len(got.Errors) != maxReasons+1 || got.Errors["other"] != 5 {
		t.Errorf("failed %d, errors %v", got.Failed, got.Errors)
	}
}

func TestReason(t *testing.T) {
	op := func(err error) error {
		return &url.Error{Op: "Get", URL: "http://a", Err: &net.OpError{Op: "read", Net: "tcp", Err: err, Addr: &net.TCPAddr{Port: 4711}}}
	}
	tests := []struct {
		err  error
		want string
	}{
		{nil, ""},
		{op(os.NewSyscallError("connect", syscall.ECONNREFUSED)), "connection refused"},
		{op(os.NewSyscallError("read", syscall.ECONNRESET)), "connection reset"},
		{op(os.ErrDeadlineExceeded), "timeout"},
		{op(io.EOF), "connection closed"},
		{op(errors.New("odd")), "error: odd"},
		{op(&net.DNSError{Err: "no such host", Name: "a"}), "dns: no such host"},
		{context.DeadlineExceeded, "timeout"},
		{status.Error(codes.Unavailable, "no  healthy\nupstream"), "grpc Unavailable: no healthy upstream"},
	}
	for _, tt := range tests {
		if got := reason(tt.err); got != tt.want {
			t.Errorf("reason(%v) = %q, want %q", tt.err, got, tt.want)
		}
	}
	if got := statusReason(503, bytes.Repeat([]byte("x"), 1000)); len(got) > 200 || !strings.HasPrefix(got, "status 503: xxx") {
		t.Errorf("statusReason = %q", got)
	}
	if got := statusReason(302, []byte("moved")); got != "" {
		t.Errorf("a redirect is a failure: %q", got)
	}
}
