package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

func TestRunEndsWorkInFlightGracefully(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	service, err := HTTP("127.0.0.1:0", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		fmt.Fprint(w, "done")
	}))
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, Identity{Name: "x"}, service) }()

	resp, err := http.Get("http://" + service.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); string(body) != "done" {
		t.Errorf("answer %q, %v; want done", body, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
}

func TestRunStopsAllWhenOneFails(t *testing.T) {
	stopped := false
	broken := errors.New("broken")
	bad := Service{
		Protocol: "bad", Addr: &net.TCPAddr{Port: 1},
		Serve: func() error { return broken },
		Stop:  func(context.Context) {},
	}
	good := Service{
		Protocol: "good", Addr: &net.TCPAddr{Port: 2},
		Serve: func() error { return nil },
		Stop:  func(context.Context) { stopped = true },
	}
	if err := Run(t.Context(), Identity{}, good, bad); !errors.Is(err, broken) || !strings.Contains(err.Error(), "serve bad on :1") {
		t.Errorf("Run = %v, want what is broken and where", err)
	}
	if !stopped {
		t.Error("the other service was not stopped")
	}
}

func TestTCPClosesWhatDoesNotEnd(t *testing.T) {
	greeted := func(conn net.Conn) {
		fmt.Fprintln(conn, "hello")
		io.Copy(io.Discard, conn)
	}
	service, err := TCP("127.0.0.1:0", greeted)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- service.Serve() }()

	conn, err := net.Dial("tcp", service.Addr.String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	reader := bufio.NewReader(conn)
	if line, err := reader.ReadString('\n'); line != "hello\n" {
		t.Fatalf("greeting %q, %v", line, err)
	}

	over, cancel := context.WithCancel(t.Context())
	cancel()
	service.Stop(over)
	if _, err := reader.ReadByte(); err == nil {
		t.Error("the connection is open after Stop")
	}
	if err := <-served; err != nil {
		t.Errorf("Serve = %v, want nil", err)
	}
	if _, err := net.Dial("tcp", service.Addr.String()); err == nil {
		t.Error("the port is open after Stop")
	}
}
