package echo

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/lazyxds/lazyxds/lab/app"
)

// Answer describes a request as the server saw it.
type Answer struct {
	Name       string      `json:"name"`
	Version    string      `json:"version,omitempty"`
	Proto      string      `json:"proto"`
	Method     string      `json:"method"`
	Host       string      `json:"host"`
	Path       string      `json:"path"`
	Headers    http.Header `json:"headers"`
	RemoteAddr string      `json:"remoteAddr"`
	Peer       string      `json:"peer,omitempty"`
	BodySize   int64       `json:"bodySize"`
	TLS        *TLS        `json:"tls,omitempty"`
	Calls      []Call      `json:"calls,omitempty"`
}

// TLS is what the server itself saw of a TLS connection.
type TLS struct {
	SNI  string `json:"sni"`
	ALPN string `json:"alpn,omitempty"`
}

// Handler serves /healthz, /ws and, on every other path, an Answer shaped by the query parameters.
func Handler(id app.Identity) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("/ws", serveWebSocket)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}, Timeout: 15 * time.Second}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		c, err := parseControl(r.URL.Query())
		if err != nil {
			writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			return
		}
		serve(w, r, id, c, client)
	})
	return app.Stamp(id, mux)
}

// serve does what c asks for, the delay first.
func serve(w http.ResponseWriter, r *http.Request, id app.Identity, c control, client *http.Client) {
	if !wait(r.Context(), c.delay) {
		return
	}
	if c.reset {
		hangUp(w)
	}
	if c.close {
		w.Header().Set("Connection", "close")
	}
	for _, t := range c.trailers {
		w.Header().Add("Trailer", t[0])
	}
	answer(w, r, id, c, client)
	for _, t := range c.trailers {
		w.Header().Set(t[0], t[1])
	}
}

func answer(w http.ResponseWriter, r *http.Request, id app.Identity, c control, client *http.Client) {
	status := c.status
	if status == 0 {
		status = http.StatusOK
	}
	switch {
	case c.stream > 0:
		w.WriteHeader(status)
		stream(r.Context(), w, id, c.stream, c.every)
	case c.size >= 0:
		w.Header().Set("Content-Type", "text/plain")
		w.WriteHeader(status)
		fill(w, c.size)
	default:
		described := describe(r, id)
		var failed bool
		if described.Calls, failed = callAll(r, client, c.calls); failed && c.status == 0 {
			status = http.StatusBadGateway
		}
		writeJSON(w, status, described)
	}
}

func describe(r *http.Request, id app.Identity) Answer {
	// A body that breaks off is described by what came of it.
	size, _ := io.Copy(io.Discard, r.Body)
	a := Answer{
		Name: id.Name, Version: id.Version,
		Proto: r.Proto, Method: r.Method, Host: r.Host, Path: r.URL.Path, Headers: r.Header,
		RemoteAddr: r.RemoteAddr, Peer: app.Peer(r.Header.Get(app.HeaderClientCert)), BodySize: size,
	}
	if state, ok := tlsState(r.Context()); ok {
		a.TLS = &TLS{SNI: state.ServerName, ALPN: state.NegotiatedProtocol}
	}
	return a
}

// hangUp ends the connection (HTTP/2: the stream) with a reset. It does not return.
func hangUp(w http.ResponseWriter) {
	if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		conn.Close()
	}
	panic(http.ErrAbortHandler)
}

// stream sends a line every so often until the time is over or the client is gone.
func stream(ctx context.Context, w http.ResponseWriter, id app.Identity, length, every time.Duration) {
	flush := http.NewResponseController(w).Flush
	for tick, left := 0, length; ; tick++ {
		if _, err := fmt.Fprintf(w, "tick %d %s\n", tick, id); err != nil || flush() != nil {
			return
		}
		pause := min(every, left)
		if left -= pause; pause == 0 || !wait(ctx, pause) {
			return
		}
	}
}

func fill(w io.Writer, size int) {
	chunk := strings.Repeat("x", 32<<10)
	for size > 0 {
		n, err := io.WriteString(w, chunk[:min(size, len(chunk))])
		if err != nil {
			return
		}
		size -= n
	}
}

// wait reports false when ctx ended before d was over.
func wait(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return true
	}
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	out := json.NewEncoder(w)
	out.SetIndent("", "  ")
	// The client may be gone; there is nobody left to tell.
	_ = out.Encode(value)
}
