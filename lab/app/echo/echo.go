// Package echo is the lab's general test server: it speaks HTTP/1.1, HTTP/2, WebSocket, gRPC, TCP, TLS and UDP, tells
// what it saw of a request and who sent it, and delays, streams, fails or calls on when the request asks for that.
package echo

import (
	"fmt"
	"net"
	"strconv"

	"github.com/lazyxds/lazyxds/lab/app"
)

// Config says who the server is and on which ports it speaks what.
type Config struct {
	app.Identity

	HTTP           []int // HTTP/1.1, cleartext HTTP/2 and WebSocket
	GRPC           []int
	TCP            []int // echoes lines
	TCPServerFirst []int // greets, then echoes lines
	TLS            []int // HTTPS, or echoed lines where the client does not speak HTTP
	UDP            []int // echoes datagrams
}

// Listen opens every port of cfg.
func Listen(cfg Config) ([]app.Service, error) {
	handler := Handler(cfg.Identity)
	open := []struct {
		protocol string
		ports    []int
		listen   func(addr string) (app.Service, error)
	}{
		{"http", cfg.HTTP, func(addr string) (app.Service, error) { return app.HTTP(addr, handler) }},
		{"grpc", cfg.GRPC, func(addr string) (app.Service, error) { return app.GRPC(addr, NewGRPCServer(cfg.Identity)) }},
		{"tcp", cfg.TCP, func(addr string) (app.Service, error) {
			return app.TCP(addr, func(conn net.Conn) { echoLines(conn, cfg.Identity) })
		}},
		{"tcp-server-first", cfg.TCPServerFirst, func(addr string) (app.Service, error) {
			return app.TCP(addr, func(conn net.Conn) { greetAndEcho(conn, cfg.Identity) })
		}},
		{"tls", cfg.TLS, func(addr string) (app.Service, error) { return listenTLS(addr, cfg.Identity, handler) }},
		{"udp", cfg.UDP, func(addr string) (app.Service, error) { return listenUDP(addr, cfg.Identity) }},
	}
	var services []app.Service
	for _, o := range open {
		for _, port := range o.ports {
			service, err := o.listen(":" + strconv.Itoa(port))
			if err != nil {
				return nil, fmt.Errorf("listen for %s on port %d: %w", o.protocol, port, err)
			}
			service.Protocol = o.protocol
			services = append(services, service)
		}
	}
	if len(services) == 0 {
		return nil, fmt.Errorf("echo server %s has no port to listen on", cfg.Identity)
	}
	return services, nil
}
