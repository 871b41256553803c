package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"google.golang.org/grpc"
)

// gracePeriod is what requests in flight get to finish once an application is told to stop.
const gracePeriod = 2 * time.Second

// Service is one listening socket of an application.
type Service struct {
	// Protocol says what is spoken there, for the log.
	Protocol string
	Addr     net.Addr
	// Serve blocks until Stop was called; it returns nil then.
	Serve func() error
	// Stop refuses new work at once and lets work in flight finish until ctx is done.
	Stop func(ctx context.Context)
}

// Run serves until ctx is done or a service fails, and stops all of them.
func Run(ctx context.Context, id Identity, services ...Service) error {
	listen := map[string][]string{}
	failed := make(chan error, len(services))
	for _, s := range services {
		listen[s.Protocol] = append(listen[s.Protocol], s.Addr.String())
		go func() {
			if err := s.Serve(); err != nil {
				failed <- fmt.Errorf("serve %s on %s: %w", s.Protocol, s.Addr, err)
			}
		}()
	}
	slog.Info("started", "name", id.Name, "version", id.Version, "listen", listen)

	var err error
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), gracePeriod)
	defer cancel()
	var stopping sync.WaitGroup
	for _, s := range services {
		stopping.Go(func() { s.Stop(grace) })
	}
	stopping.Wait()
	return err
}

// HTTP listens on addr for HTTP/1.1 and HTTP/2 without TLS.
func HTTP(addr string, handler http.Handler) (Service, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return Service{}, err
	}
	return HTTPOn(l, "http", &http.Server{Handler: handler}), nil
}

// HTTPOn serves HTTP/1.1 and cleartext HTTP/2 on a listener.
func HTTPOn(l net.Listener, protocol string, server *http.Server) Service {
	server.Protocols = new(http.Protocols)
	server.Protocols.SetHTTP1(true)
	server.Protocols.SetUnencryptedHTTP2(true)
	server.ReadHeaderTimeout = 30 * time.Second
	return Service{
		Protocol: protocol,
		Addr:     l.Addr(),
		Serve: func() error {
			if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				return err
			}
			return nil
		},
		Stop: func(ctx context.Context) {
			if server.Shutdown(ctx) != nil {
				server.Close()
			}
		},
	}
}

// GRPC listens on addr for gRPC without TLS.
func GRPC(addr string, server *grpc.Server) (Service, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return Service{}, err
	}
	return Service{
		Protocol: "grpc",
		Addr:     l.Addr(),
		Serve:    func() error { return server.Serve(l) },
		Stop: func(ctx context.Context) {
			force := context.AfterFunc(ctx, server.Stop)
			server.GracefulStop()
			force()
		},
	}, nil
}

// TCP listens on addr and calls handle for each connection, which is closed when handle returns.
func TCP(addr string, handle func(net.Conn)) (Service, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return Service{}, err
	}
	conns := connections{open: map[net.Conn]bool{}}
	return Service{
		Protocol: "tcp",
		Addr:     l.Addr(),
		Serve: func() error {
			for {
				conn, err := l.Accept()
				if errors.Is(err, net.ErrClosed) {
					return nil
				}
				if err != nil {
					return err
				}
				go conns.handle(conn, handle)
			}
		},
		Stop: func(ctx context.Context) {
			l.Close()
			conns.drain(ctx)
		},
	}, nil
}

// connections are the open connections of a TCP service.
type connections struct {
	mu   sync.Mutex
	open map[net.Conn]bool
	busy sync.WaitGroup
}

func (c *connections) handle(conn net.Conn, handle func(net.Conn)) {
	c.mu.Lock()
	c.open[conn] = true
	c.busy.Add(1)
	c.mu.Unlock()
	defer func() {
		conn.Close()
		c.mu.Lock()
		delete(c.open, conn)
		c.mu.Unlock()
		c.busy.Done()
	}()
	handle(conn)
}

// drain waits for the open connections until ctx is done, then closes them.
func (c *connections) drain(ctx context.Context) {
	idle := make(chan struct{})
	go func() {
		c.busy.Wait()
		close(idle)
	}()
	select {
	case <-idle:
	case <-ctx.Done():
		c.mu.Lock()
		defer c.mu.Unlock()
		for conn := range c.open {
			conn.Close()
		}
	}
}
