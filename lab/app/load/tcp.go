package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
)

// newTCP makes a connection per request and exchanges one line on it.
func newTCP(cfg Config, target *url.URL) sender {
	return func(ctx context.Context) Outcome {
		conn, err := dialLines(ctx, target.Host, cfg.ServerFirst)
		if err != nil {
			return Outcome{Err: reason(err)}
		}
		defer conn.Close()
		return Outcome{Err: reason(conn.exchange("ping")), ServedBy: conn.servedBy}
	}
}

// lines is a TCP connection on which lines are exchanged.
type lines struct {
	net.Conn
	reader   *bufio.Reader
	servedBy string
}

// errNotEchoed says that a server did not return the line it was sent.
var errNotEchoed = errors.New("line was not echoed")

// dialLines connects, and reads the greeting of a server that speaks first; ctx bounds the whole conversation.
func dialLines(ctx context.Context, host string, serverFirst bool) (*lines, error) {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	l := &lines{Conn: conn, reader: bufio.NewReader(conn)}
	if deadline, ok := ctx.Deadline(); ok {
		conn.SetDeadline(deadline)
	}
	if !serverFirst {
		return l, nil
	}
	greeting, err := l.reader.ReadString('\n')
	if err != nil {
		conn.Close()
		return nil, err
	}
	if words := strings.Fields(greeting); len(words) >= 3 && words[0] == "hello" {
		l.servedBy = strings.Join(words[2:], "/")
	}
	return l, nil
}

// exchange sends a line and waits for it to come back.
func (l *lines) exchange(line string) error {
	if _, err := fmt.Fprintln(l, line); err != nil {
		return err
	}
	answer, err := l.reader.ReadString('\n')
	if err != nil {
		return err
	}
	if !strings.HasSuffix(strings.TrimSpace(answer), line) {
		return errNotEchoed
	}
	return nil
}
