// Package load is the lab's client: it sends paced requests over HTTP, gRPC or TCP, or holds one connection, and
// reports what came of each, by the path that it took: through the fallback egress or directly.
package load

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Config says what to send, where and how often.
type Config struct {
	URL         string // scheme http, https, ws (hold only), grpc or tcp
	Headers     http.Header
	HTTP2       bool
	KeepAlive   bool // share connections among requests
	ServerFirst bool // TCP: read a greeting before writing
	RPS         float64
	Duration    time.Duration // ends the load, unless zero
	Requests    int           // ends the load, unless zero
	Concurrency int           // requests in flight at once
	Timeout     time.Duration // of each request
	FirstApart  bool          // leave the first request out of the latencies
}

// Outcome is what one request came to.
type Outcome struct {
	Err      string // why it failed, in few enough words to count by; "" if it did not
	Peer     string // the identity under which the server saw the client, "" if unknown
	ServedBy string // name and version of the server, "" if unknown
}

// sender makes one request.
type sender func(ctx context.Context) Outcome

// Run sends requests until the configured end, or until ctx is done, and waits for those in flight.
func Run(ctx context.Context, cfg Config) (*Report, error) {
	target, err := cfg.target()
	if err != nil {
		return nil, err
	}
	send, closeAll, err := newSender(cfg, target)
	if err != nil {
		return nil, err
	}
	defer closeAll()

	rec := newRecorder(cfg.FirstApart, time.Now())
	pace(ctx, cfg.plan(), func(n int) {
		// What was sent is waited for, so that stopping a load never counts as a failure.
		request, cancel := context.WithTimeout(context.WithoutCancel(ctx), cfg.Timeout)
		defer cancel()
		start := time.Now()
		outcome := send(request)
		rec.add(n, start, time.Now(), outcome)
	})
	return rec.report(cfg.URL, target.Scheme, time.Now()), nil
}

func newSender(cfg Config, target *url.URL) (send sender, closeAll func(), err error) {
	switch target.Scheme {
	case "http", "https":
		send, closeAll = newHTTP(cfg, target)
	case "grpc":
		send, closeAll, err = newGRPC(cfg, target)
	case "tcp":
		send, closeAll = newTCP(cfg, target), func() {}
	default:
		return nil, nil, fmt.Errorf("url %s: scheme %s can only be held", target, target.Scheme)
	}
	return send, closeAll, err
}

// target checks the configuration and parses its URL.
func (cfg Config) target() (*url.URL, error) {
	if cfg.Timeout <= 0 {
		return nil, fmt.Errorf("timeout %s is not above zero", cfg.Timeout)
	}
	target, err := url.Parse(cfg.URL)
	if err != nil {
		return nil, err
	}
	switch {
	case !strings.Contains(" http https ws wss grpc tcp ", " "+target.Scheme+" "):
		return nil, fmt.Errorf("url %s: scheme must be http, https, ws, wss, grpc or tcp", cfg.URL)
	case target.Host == "":
		return nil, fmt.Errorf("url %s: host is missing", cfg.URL)
	case target.Port() == "" && (target.Scheme == "grpc" || target.Scheme == "tcp"):
		return nil, fmt.Errorf("url %s: port is missing", cfg.URL)
	}
	return target, nil
}

// schedule is when requests are sent and how many at once.
type schedule struct {
	rps         float64
	duration    time.Duration
	requests    int
	concurrency int
}

func (cfg Config) plan() schedule {
	return schedule{rps: cfg.RPS, duration: cfg.Duration, requests: cfg.Requests, concurrency: max(cfg.Concurrency, 1)}
}

// due is when request n is sent, counted from the start; at once where no rate is set.
func (s schedule) due(n int) time.Duration {
	if s.rps <= 0 {
		return 0
	}
	return time.Duration(float64(n) / s.rps * float64(time.Second))
}

// over reports whether request n is beyond the end.
func (s schedule) over(n int) bool {
	return s.requests > 0 && n >= s.requests || s.duration > 0 && s.due(n) >= s.duration
}

// pace calls send for each request, numbered from 0, and returns when all calls have. A request that is due while
// too many are in flight is sent as soon as one of them ends.
func pace(ctx context.Context, s schedule, send func(n int)) {
	start := time.Now()
	if s.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, s.duration)
		defer cancel()
	}
	var inFlight sync.WaitGroup
	defer inFlight.Wait()
	slots := make(chan struct{}, s.concurrency)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for n := 0; !s.over(n); n++ {
		timer.Reset(time.Until(start.Add(s.due(n))))
		select {
		case <-timer.C:
		case <-ctx.Done():
			return
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		// Where both were ready the choice above was random.
		if ctx.Err() != nil {
			return
		}
		inFlight.Go(func() {
			defer func() { <-slots }()
			send(n)
		})
	}
}

// anyCertificate accepts the self-signed certificates of the lab's servers.
func anyCertificate() *tls.Config {
	return &tls.Config{InsecureSkipVerify: true} //nolint:gosec // the lab's servers sign for themselves
}
