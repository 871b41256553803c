// Package backdoor dials the fallback egress as no sidecar would: with a certificate of its own, and a PROXY header of its choice.
package backdoor

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"
)

// patience bounds everything that is waited for.
const patience = 5 * time.Second

// maxAnswer bounds what is told of an answer's body.
const maxAnswer = 4096

// A Door is one way in.
type Door struct {
	// Egress is the address, with port, of the front listener.
	Egress string
	// From is whom the PROXY header names as the client, To whom it says that one dialled.
	From, To netip.AddrPort
	// Certificate is the client's.
	Certificate tls.Certificate
}

// open returns a connection that the egress takes for one to To.
func (d Door) open(ctx context.Context) (net.Conn, error) {
	conn, err := (&net.Dialer{Timeout: patience}).DialContext(ctx, "tcp", d.Egress)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return nil, err
	}
	header := fmt.Sprintf("PROXY TCP4 %s %s %d %d\r\n", d.From.Addr(), d.To.Addr(), d.From.Port(), d.To.Port())
	if _, err := io.WriteString(conn, header); err != nil {
		return nil, fmt.Errorf("write PROXY header: %w", err)
	}
	return tls.Client(conn, &tls.Config{
		Certificates: []tls.Certificate{d.Certificate}, MinVersion: tls.VersionTLS12,
		InsecureSkipVerify: true, // who tries a back door does not ask who is behind it
	}), nil
}

// Get sends an HTTP request and tells the answer: its status, headers and body.
func (d Door) Get(ctx context.Context, host, path string, headers http.Header) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+host+path, nil)
	if err != nil {
		return "", err
	}
	for name, values := range headers {
		request.Header[name] = values
	}
	transport := &http.Transport{
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return d.open(ctx) },
		DisableKeepAlives: true,
	}
	response, err := transport.RoundTrip(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	var told strings.Builder
	fmt.Fprintln(&told, response.Proto, response.Status)
	if err := response.Header.Write(&told); err != nil {
		return "", err
	}
	_, err = io.Copy(&told, io.LimitReader(response.Body, maxAnswer))
	return told.String(), err
}

// Line sends one line and returns the one that comes back.
func (d Door) Line(ctx context.Context, line string) (string, error) {
	conn, err := d.open(ctx)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	if _, err := fmt.Fprintln(conn, line); err != nil {
		return "", err
	}
	return bufio.NewReader(conn).ReadString('\n')
}
