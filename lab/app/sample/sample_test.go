package sample

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestHelloworld(t *testing.T) {
	w := httptest.NewRecorder()
	Helloworld("v2", "pod-1").ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hello", nil))
	if got, want := w.Body.String(), "Hello version: v2, instance: pod-1\n"; got != want {
		t.Errorf("answer %q, want %q", got, want)
	}
}

func TestTCPEcho(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	go TCPEcho("one")(server)
	reader := bufio.NewReader(client)
	for _, line := range []string{"hi", "again"} {
		fmt.Fprintln(client, line)
		if got, err := reader.ReadString('\n'); got != "one "+line+"\n" {
			t.Errorf("answer %q, %v", got, err)
		}
	}
}
