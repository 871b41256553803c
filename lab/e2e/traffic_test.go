package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"sync/atomic"

	"github.com/lazyxds/lazyxds/lab/app/load"
	"github.com/lazyxds/lazyxds/lab/cluster"
)

var trafficID atomic.Int64

// traffic is load that goes on beside a story until it is stopped.
type traffic struct {
	w       *world
	from    string
	pidFile string
	done    chan struct{}
	report  load.Report
	err     error
}

// send starts load from a workload; args are those of "labapp load".
func (w *world) send(from string, args ...string) *traffic {
	w.Helper()
	t := &traffic{w: w, from: from, done: make(chan struct{}), pidFile: fmt.Sprintf("/tmp/load-%d.pid", trafficID.Add(1))}
	command := append([]string{"sh", "-c", `echo $$ > "$0"; exec labapp load "$@"`, t.pidFile}, args...)
	go func() {
		defer close(t.done)
		t.report, t.err = w.report(context.WithoutCancel(w.ctx), from, command)
	}()
	w.eventually("load from "+from+" to run", func() error {
		out, err := w.lab.Exec(w.ctx, cluster.Target{Namespace: w.namespace, Name: from}, "cat", t.pidFile)
		if err == nil && out.Code != 0 {
			err = fmt.Errorf("no pid yet")
		}
		return err
	})
	return t
}

// stop ends the load and returns its report.
func (t *traffic) stop() load.Report {
	t.w.Helper()
	select {
	case <-t.done:
	default:
		t.w.exec(t.from, "sh", "-c", "kill -TERM $(cat "+t.pidFile+")")
		<-t.done
	}
	t.w.must(t.err)
	return t.report
}

// request sends one request and returns its report, failed or not.
func (w *world) request(from, url string, args ...string) load.Report {
	w.Helper()
	r, err := w.report(w.ctx, from, append([]string{"labapp", "load", "--requests=1", "--url", url}, args...))
	w.must(err)
	return r
}

// report runs "labapp load" and decodes what it prints.
func (w *world) report(ctx context.Context, from string, command []string) (load.Report, error) {
	var r load.Report
	out, err := w.lab.Exec(ctx, cluster.Target{Namespace: w.namespace, Name: from}, command...)
	if err != nil {
		return r, err
	}
	if err := json.Unmarshal([]byte(out.Stdout), &r); err != nil {
		return r, fmt.Errorf("load from %s: %w: exit code %d, %s%s", from, err, out.Code, out.Stdout, out.Stderr)
	}
	return r, nil
}

// noFailure fails the story if a request of the report failed, or if there was none.
func (w *world) noFailure(what string, r load.Report) {
	w.Helper()
	if r.Requests == 0 || r.Failed > 0 {
		w.Errorf("%s: %d of %d requests failed: %v", what, r.Failed, r.Requests, r.Errors)
	}
}
