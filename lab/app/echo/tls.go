package echo

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/lazyxds/lazyxds/lab/app"
)

// firstBytesTimeout bounds the handshake and the wait for the client's first bytes.
const firstBytesTimeout = 30 * time.Second

// listenTLS serves HTTPS and, to clients that do not speak HTTP, echoed lines, on one port.
func listenTLS(addr string, id app.Identity, handler http.Handler) (app.Service, error) {
	cert, err := selfSigned(id.Name)
	if err != nil {
		return app.Service{}, err
	}
	tcp, err := net.Listen("tcp", addr)
	if err != nil {
		return app.Service{}, err
	}
	secure := tls.NewListener(tcp, &tls.Config{
		Certificates: []tls.Certificate{cert},
		NextProtos:   []string{"h2", "http/1.1"},
	})
	split := &httpListener{Listener: secure, conns: make(chan net.Conn), closed: make(chan struct{})}
	go split.accept(func(conn net.Conn) { echoLines(conn, id) })
	return app.HTTPOn(split, "tls", &http.Server{
		Handler: handler,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, tlsKey{}, conn.(*peekedConn).state)
		},
	}), nil
}

type tlsKey struct{}

// tlsState is the state of the TLS connection that a request came on.
func tlsState(ctx context.Context) (tls.ConnectionState, bool) {
	state, ok := ctx.Value(tlsKey{}).(tls.ConnectionState)
	return state, ok
}

// httpListener accepts only those connections whose client speaks HTTP.
type httpListener struct {
	net.Listener
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

// Accept waits for the next HTTP connection.
func (l *httpListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.conns:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// Close stops accepting connections of either kind.
func (l *httpListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// accept sorts connections until the listener is closed; what does not speak HTTP goes to raw.
func (l *httpListener) accept(raw func(net.Conn)) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			l.Close()
			return
		}
		go l.sort(conn.(*tls.Conn), raw)
	}
}

func (l *httpListener) sort(conn *tls.Conn, raw func(net.Conn)) {
	conn.SetDeadline(time.Now().Add(firstBytesTimeout))
	peeked := &peekedConn{Conn: conn, reader: bufio.NewReader(conn)}
	isHTTP, err := peeked.speaksHTTP()
	if err != nil {
		conn.Close()
		return
	}
	conn.SetDeadline(time.Time{})
	peeked.state = conn.ConnectionState()
	if !isHTTP {
		defer conn.Close()
		raw(peeked)
		return
	}
	select {
	case l.conns <- peeked:
	case <-l.closed:
		conn.Close()
	}
}

// peekedConn is a TLS connection of which the first bytes were looked at.
type peekedConn struct {
	net.Conn
	reader *bufio.Reader
	state  tls.ConnectionState
}

// Read returns the bytes looked at first.
func (c *peekedConn) Read(b []byte) (int, error) { return c.reader.Read(b) }

// speaksHTTP reports whether the client's first word is an HTTP method, or the start of the HTTP/2 preface.
func (c *peekedConn) speaksHTTP() (bool, error) {
	for n := 1; ; n++ {
		first, err := c.reader.Peek(n)
		if err != nil {
			return false, err
		}
		method, ended := strings.CutSuffix(string(first), " ")
		switch {
		case ended:
			return strings.Contains(" GET HEAD POST PUT DELETE CONNECT OPTIONS TRACE PATCH PRI ", " "+method+" "), nil
		case n > len("CONNECT"), first[n-1] < 'A', first[n-1] > 'Z':
			return false, nil
		}
	}
}

// selfSigned makes a certificate for name that lasts as long as any lab.
func selfSigned(name string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("make key: %w", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		DNSNames:     []string{name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("sign certificate: %w", err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
