package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/lazyxds/lazyxds/lab/app/load"
	"github.com/lazyxds/lazyxds/lab/cluster"
)

const (
	productpage = "http://productpage:9080/productpage"
	keptRate    = 20.0
	freshRate   = 10.0

	// sampleRate is how often a service is called until it is reached directly: the resolution of the time to direct.
	sampleRate = 50
	// directSamples is how many direct requests are timed for each service.
	directSamples = 5
	// directTimeout bounds the wait for the direct path.
	directTimeout = 20 * time.Second
)

// client is the container that sends all requests.
var client = cluster.Target{Namespace: lazyNamespace, Name: "deploy/client"}

// traffic is load that goes on until it is stopped.
type traffic struct {
	pidFile string
	done    chan struct{}
	report  load.Report
	err     error
}

// startLoad starts load on bookinfo, on kept connections and on fresh ones, once bookinfo answers.
func (d *demo) startLoad(ctx context.Context) ([]*traffic, error) {
	err := d.lab.Wait(ctx, "bookinfo to answer", readyTimeout, func(ctx context.Context) (bool, string) {
		r, err := d.send(ctx, loadCommand("--url", productpage, "--requests=1")...)
		return err == nil && r.Failed == 0, fmt.Sprint(r.Errors, err)
	})
	if err != nil {
		return nil, err
	}
	var running []*traffic
	for i, args := range [][]string{
		{"--keepalive=true", "--rps", strconv.FormatFloat(keptRate, 'g', -1, 64)},
		{"--keepalive=false", "--rps", strconv.FormatFloat(freshRate, 'g', -1, 64)},
	} {
		t := &traffic{pidFile: fmt.Sprintf("/tmp/load-%d.pid", i), done: make(chan struct{})}
		running = append(running, t)
		command := append([]string{"sh", "-c", `echo $$ > "$0"; exec "$@"`, t.pidFile},
			loadCommand(append(args, "--url", productpage, "--duration", "0")...)...)
		go func() {
			defer close(t.done)
			t.report, t.err = d.send(ctx, command...)
		}()
	}
	err = d.lab.Wait(ctx, "the load to run", readyTimeout, func(ctx context.Context) (bool, string) {
		out, err := d.lab.Exec(ctx, client, "cat", running[0].pidFile, running[1].pidFile)
		return err == nil && out.Code == 0, fmt.Sprint(out.Stderr, err)
	})
	return running, err
}

// stopLoad ends loads and returns their reports.
func (d *demo) stopLoad(ctx context.Context, running []*traffic) ([]load.Report, error) {
	var reports []load.Report
	for _, t := range running {
		select {
		case <-t.done: // by itself, which is an error that t.err tells
		default:
			if out, err := d.lab.Exec(ctx, client, "sh", "-c", `kill -TERM $(cat "$0")`, t.pidFile); err != nil {
				return nil, fmt.Errorf("stop load: %w", err)
			} else if out.Code != 0 {
				return nil, fmt.Errorf("stop load: %s", out.Stderr)
			}
		}
		select {
		case <-t.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if t.err != nil {
			return nil, t.err
		}
		reports = append(reports, t.report)
	}
	return reports, nil
}

// samples are what calling services for the first time came to.
type samples struct {
	first    []time.Duration // first requests, which took the fallback
	direct   []time.Duration // requests on the direct path
	toDirect []time.Duration // from the start of the first request to the end of the first direct one
	reports  []load.Report   // of everything that was sent
}

// callForTheFirstTime calls services that the client has not called before, one after the other. Direct requests are
// timed as first ones are: each by a new process on a new connection.
func (d *demo) callForTheFirstTime(ctx context.Context) (samples, error) {
	d.say("calling %d services for the first time", calledServices)
	var s samples
	for i := range calledServices {
		url := serviceURL(calledService(i))
		if err := d.untilDirect(ctx, url, &s); err != nil {
			return s, err
		}
		for range directSamples {
			r, err := d.send(ctx, loadCommand("--url", url, "--requests=1")...)
			if err != nil {
				return s, err
			}
			s.reports = append(s.reports, r)
			if r.Direct.Requests > 0 {
				s.direct = append(s.direct, duration(r.FirstMillis))
			}
		}
	}
	return s, nil
}

// untilDirect calls a service, on a new connection for each request, until its server sees the client itself.
func (d *demo) untilDirect(ctx context.Context, url string, s *samples) error {
	var begin time.Time
	for {
		r, err := d.send(ctx, loadCommand("--url", url, "--keepalive=false", "--duration=1s", "--rps", strconv.Itoa(sampleRate))...)
		if err != nil {
			return err
		}
		s.reports = append(s.reports, r)
		if begin.IsZero() {
			begin = r.Start
			if r.FirstPath == load.PathFallback {
				s.first = append(s.first, duration(r.FirstMillis))
			}
		}
		if r.TimeToDirectMillis != nil {
			s.toDirect = append(s.toDirect, r.Start.Sub(begin)+duration(*r.TimeToDirectMillis))
			return nil
		}
		if waited := time.Since(begin); waited > directTimeout {
			return fmt.Errorf("%s was not reached directly within %s: %d requests took the fallback, errors: %v",
				url, waited.Round(time.Second), r.Fallback.Requests, r.Errors)
		}
	}
}

func serviceURL(name string) string {
	return fmt.Sprintf("http://%s.%s:%d", name, echoNamespace, echoPort)
}

func loadCommand(args ...string) []string { return append([]string{"labapp", "load"}, args...) }

// send runs a load client in the client's pod to its end. Requests that failed are told by the report alone.
func (d *demo) send(ctx context.Context, command ...string) (load.Report, error) {
	var r load.Report
	out, err := d.lab.Exec(ctx, client, command...)
	if err != nil {
		return r, fmt.Errorf("send load: %w", err)
	}
	if err := json.Unmarshal([]byte(out.Stdout), &r); err != nil {
		return r, fmt.Errorf("send load: exit code %d, %w: %s%s", out.Code, err, out.Stdout, out.Stderr)
	}
	return r, nil
}

func duration(millis float64) time.Duration { return time.Duration(millis * float64(time.Millisecond)) }
