package echo

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"

	"github.com/lazyxds/lazyxds/lab/app"
)

// maxLine bounds a line that is echoed.
const maxLine = 1 << 20

// greetAndEcho speaks first, then echoes lines.
func greetAndEcho(conn net.Conn, id app.Identity) {
	if _, err := fmt.Fprintf(conn, "hello from %s %s\n", id.Name, id.Version); err != nil {
		return
	}
	echoLines(conn, id)
}

// echoLines returns each line with the server's name before it.
func echoLines(conn io.ReadWriter, id app.Identity) {
	lines := bufio.NewScanner(conn)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		if _, err := fmt.Fprintf(conn, "%s: %s\n", id.Name, lines.Text()); err != nil {
			return
		}
	}
}

// listenUDP returns each datagram with the server's name before it.
func listenUDP(addr string, id app.Identity) (app.Service, error) {
	conn, err := net.ListenPacket("udp", addr)
	if err != nil {
		return app.Service{}, err
	}
	serve := func() error {
		datagram := make([]byte, 64<<10)
		for {
			n, from, err := conn.ReadFrom(datagram)
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if err != nil {
				return err
			}
			// A datagram that cannot be sent is lost, as datagrams are.
			_, _ = conn.WriteTo(fmt.Appendf(nil, "%s: %s", id.Name, datagram[:n]), from)
		}
	}
	return app.Service{Addr: conn.LocalAddr(), Serve: serve, Stop: func(context.Context) { conn.Close() }}, nil
}
