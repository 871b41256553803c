package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"
)

// listen opens a port of the machine's loopback. A socket stays in the network namespace it was made in, so the
// forwarder, which inherits it, listens on the machine while it dials in the lab.
func listen() (*os.File, string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", fmt.Errorf("open a port for the API server: %w", err)
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		return nil, "", fmt.Errorf("open a port for the API server: %w", err)
	}
	return f, l.Addr().String(), nil
}

// Forward serves the API server at an address of the lab on the listening socket f until ctx is done. It has to run in the
// node's network namespace.
func Forward(ctx context.Context, f *os.File, address string) error {
	l, err := net.FileListener(f)
	if err != nil {
		return fmt.Errorf("use inherited socket: %w", err)
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("use inherited socket: %w", err)
	}
	defer context.AfterFunc(ctx, func() { l.Close() })()
	for {
		conn, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept connection: %w", err)
		}
		go relay(ctx, conn, address)
	}
}

func relay(ctx context.Context, client net.Conn, address string) {
	defer client.Close()
	var d net.Dialer
	server, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		fmt.Fprintf(os.Stderr, "dial API server: %v\n", err)
		return
	}
	defer server.Close()
	var wg sync.WaitGroup
	wg.Go(func() { copyHalf(server, client) })
	wg.Go(func() { copyHalf(client, server) })
	wg.Wait()
}

// copyHalf passes on one direction, and its end.
func copyHalf(dst, src net.Conn) {
	if _, err := io.Copy(dst, src); err != nil && !errors.Is(err, net.ErrClosed) {
		dst.Close()
		src.Close()
		return
	}
	_ = dst.(*net.TCPConn).CloseWrite()
}
