package load

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/gorilla/websocket"
	pb "google.golang.org/grpc/interop/grpc_testing"

	"github.com/lazyxds/lazyxds/lab/app"
)

// holdRetry is the pause before a connection that was cut is made again.
const holdRetry = 100 * time.Millisecond

// held is one open conversation.
type held struct {
	Outcome                     // who answers; Err is unused
	exchange func(string) error // sends a message and waits for its answer
	close    func()
}

// Hold keeps one connection for the length of cfg.Duration, or until ctx is done, and exchanges a message on it every
// so often. A connection that is cut counts as failed and is made anew.
func Hold(ctx context.Context, cfg Config, every time.Duration) (*Report, error) {
	target, err := cfg.target()
	if err != nil {
		return nil, err
	}
	rec := newRecorder(cfg.FirstApart, time.Now())
	ctx, cancel := context.WithTimeout(ctx, cfg.Duration)
	defer cancel()
	for n := 0; ctx.Err() == nil; {
		if err := holdOne(ctx, cfg, target, every, rec, &n); err == nil {
			break
		}
		pause(ctx, holdRetry)
	}
	return rec.report(cfg.URL, target.Scheme, time.Now()), nil
}

// holdOne exchanges messages on one connection until it is cut, or returns nil when ctx is done. n counts the
// exchanges over all connections.
func holdOne(ctx context.Context, cfg Config, target *url.URL, every time.Duration, rec *recorder, n *int) error {
	start := time.Now()
	conn, err := open(ctx, cfg, target, every)
	if err != nil {
		if ctx.Err() != nil {
			return nil
		}
		rec.add(*n, start, time.Now(), Outcome{Err: reason(err)})
		*n++
		return err
	}
	defer conn.close()
	for ; ; *n++ {
		err := conn.exchange(fmt.Sprintf("message %d", *n))
		if err != nil && ctx.Err() != nil {
			return nil
		}
		outcome := conn.Outcome
		outcome.Err = reason(err)
		rec.add(*n, start, time.Now(), outcome)
		if err != nil {
			rec.cut(time.Now())
			*n++
			return err
		}
		if pause(ctx, every); ctx.Err() != nil {
			return nil
		}
		start = time.Now()
	}
}

func open(ctx context.Context, cfg Config, target *url.URL, every time.Duration) (*held, error) {
	switch target.Scheme {
	case "ws", "wss":
		return openWebSocket(ctx, cfg, target)
	case "grpc":
		return openGRPC(ctx, cfg, target)
	case "tcp":
		return openTCP(ctx, cfg, target)
	default:
		return openHTTP(ctx, cfg, target, every)
	}
}

func openWebSocket(ctx context.Context, cfg Config, target *url.URL) (*held, error) {
	dialer := websocket.Dialer{HandshakeTimeout: cfg.Timeout, TLSClientConfig: anyCertificate()}
	conn, resp, err := dialer.DialContext(ctx, target.String(), cfg.Headers)
	if err != nil {
		if resp != nil {
			return nil, fmt.Errorf("%w: %s", err, resp.Status)
		}
		return nil, err
	}
	exchange := func(message string) error {
		conn.SetWriteDeadline(time.Now().Add(cfg.Timeout))
		if err := conn.WriteMessage(websocket.TextMessage, []byte(message)); err != nil {
			return err
		}
		conn.SetReadDeadline(time.Now().Add(cfg.Timeout))
		_, answer, err := conn.ReadMessage()
		if err == nil && string(answer) != message {
			err = errNotEchoed
		}
		return err
	}
	return &held{Outcome: fromHeaders(resp.Header), exchange: exchange, close: func() { conn.Close() }}, nil
}

func openTCP(ctx context.Context, cfg Config, target *url.URL) (*held, error) {
	dialing, cancel := context.WithTimeout(ctx, cfg.Timeout)
	defer cancel()
	conn, err := dialLines(dialing, target.Host, cfg.ServerFirst)
	if err != nil {
		return nil, err
	}
	exchange := func(message string) error {
		conn.SetDeadline(time.Now().Add(cfg.Timeout))
		return conn.exchange(message)
	}
	return &held{Outcome: Outcome{ServedBy: conn.servedBy}, exchange: exchange, close: func() { conn.Close() }}, nil
}

// openGRPC holds a bidirectional stream.
func openGRPC(ctx context.Context, cfg Config, target *url.URL) (*held, error) {
	conn, err := dialGRPC(target)
	if err != nil {
		return nil, err
	}
	// A deadline would go to the server, which may end the stream before the client does: as if it were cut.
	streaming, cancel := context.WithCancel(withMetadata(context.WithoutCancel(ctx), cfg.Headers))
	stop := context.AfterFunc(ctx, cancel)
	h := &held{close: func() { stop(); cancel(); conn.Close() }}
	stream, err := pb.NewTestServiceClient(conn).FullDuplexCall(streaming)
	if err != nil {
		h.close()
		return nil, err
	}
	exchange := func(message string) error {
		payload := &pb.Payload{Body: []byte(message)}
		if err := stream.Send(&pb.StreamingOutputCallRequest{Payload: payload}); err != nil {
			return err
		}
		answer, err := stream.Recv()
		if err != nil {
			return err
		}
		if string(answer.GetPayload().GetBody()) != message {
			return errNotEchoed
		}
		// The headers are there with the first answer.
		header, err := stream.Header()
		h.Outcome = grpcOutcome(header, nil)
		return err
	}
	h.exchange = func(message string) error {
		return within(cfg.Timeout, cancel, func() error { return exchange(message) })
	}
	return h, nil
}

// openHTTP holds an answer that the echo server streams; an exchange is its next line.
func openHTTP(ctx context.Context, cfg Config, target *url.URL, every time.Duration) (*held, error) {
	streamed := *target
	query := streamed.Query()
	query.Set("stream", cfg.Duration.String())
	query.Set("every", every.String())
	streamed.RawQuery = query.Encode()

	ctx, cancel := context.WithCancel(ctx)
	req, err := newRequest(ctx, cfg, &streamed)
	if err != nil {
		cancel()
		return nil, err
	}
	transport := newTransport(cfg)
	closeAll := func() { cancel(); transport.CloseIdleConnections() }
	resp, err := transport.RoundTrip(req)
	if err != nil {
		closeAll()
		return nil, err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		body, _ := io.ReadAll(io.LimitReader(resp.Body, maxDetail))
		resp.Body.Close()
		closeAll()
		return nil, errors.New(statusReason(resp.StatusCode, body))
	}
	lines := bufio.NewReader(resp.Body)
	exchange := func(string) error {
		return within(every+cfg.Timeout, cancel, func() error {
			_, err := lines.ReadString('\n')
			return err
		})
	}
	return &held{Outcome: fromHeaders(resp.Header), exchange: exchange, close: func() { resp.Body.Close(); closeAll() }}, nil
}

// within cancels what f waits for when it takes longer than timeout.
func within(timeout time.Duration, cancel func(), f func() error) error {
	late := time.AfterFunc(timeout, cancel)
	err := f()
	if !late.Stop() {
		return context.DeadlineExceeded
	}
	return err
}

func fromHeaders(h http.Header) Outcome {
	return Outcome{Peer: h.Get(app.HeaderPeer), ServedBy: h.Get(app.HeaderServedBy)}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
