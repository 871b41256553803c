package backdoor

import (
	"bufio"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
)

// egress takes one PROXY header off each connection and tells it, before it takes TLS off.
type egress struct {
	net.Listener
	config  *tls.Config
	headers chan string
}

func (e *egress) Accept() (net.Conn, error) {
	conn, err := e.Listener.Accept()
	if err != nil {
		return nil, err
	}
	reader := bufio.NewReader(conn)
	header, err := reader.ReadString('\n')
	e.headers <- header
	return tls.Server(buffered{conn, reader}, e.config), err
}

type buffered struct {
	net.Conn
	reader *bufio.Reader
}

func (b buffered) Read(p []byte) (int, error) { return b.reader.Read(p) }

func TestDoor(t *testing.T) {
	certificates := httptest.NewTLSServer(nil)
	defer certificates.Close()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &egress{Listener: l, headers: make(chan string, 1), config: &tls.Config{
		Certificates: certificates.TLS.Certificates, ClientAuth: tls.RequireAnyClientCert,
	}}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, r.Host+r.URL.Path+r.Header.Get("X-Forged"))
	})}
	go func() { _ = server.Serve(e) }() // until it is closed
	defer server.Close()

	door := Door{
		Egress: l.Addr().String(), Certificate: certificates.TLS.Certificates[0],
		From: netip.MustParseAddrPort("10.0.0.1:1234"), To: netip.MustParseAddrPort("10.96.0.1:80"),
	}
	got, err := door.Get(t.Context(), "srv:80", "/x", http.Header{"X-Forged": {"yes"}})
	if err != nil || !strings.HasPrefix(got, "HTTP/1.1 418 ") || !strings.HasSuffix(got, "srv:80/xyes") {
		t.Errorf("answer %q, %v", got, err)
	}
	if header := <-e.headers; header != "PROXY TCP4 10.0.0.1 10.96.0.1 1234 80\r\n" {
		t.Errorf("PROXY header %q", header)
	}
	if line, err := door.Line(t.Context(), "no HTTP"); err != nil || !strings.HasPrefix(line, "HTTP/1.1 400 ") {
		t.Errorf("line %q, %v", line, err)
	}
}
