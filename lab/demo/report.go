package demo

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lazyxds/lazyxds/lab/app/load"
	"github.com/lazyxds/lazyxds/lab/measure"
)

// MaxIdleBytes is what a lazy sidecar without any dependency may get beyond its inbound listeners, however large the
// mesh is.
const MaxIdleBytes = 10_000

// Figures are what the demo found.
type Figures struct {
	// Requests and Failures count everything that was sent while the namespace became lazy and after.
	Requests int `json:"requests"`
	Failures int `json:"failures"`
	// Errors are the failures by what was called and why they failed.
	Errors map[string]int `json:"errors,omitempty"`
	// Full is a sidecar before, Lazy one without any dependency after.
	Full Sidecar `json:"full"`
	Lazy Sidecar `json:"lazy"`
	// FirstRequest is the latency of the first request to a service, which takes the fallback; Direct that of a request
	// like it on the direct path; TimeToDirect how long it took from the one to the other.
	FirstRequest Percentiles `json:"firstRequestMillis"`
	Direct       Percentiles `json:"directMillis"`
	TimeToDirect Percentiles `json:"timeToDirectMillis"`
}

// Sidecar is what one sidecar has to carry.
type Sidecar struct {
	Services  int           `json:"services"`
	Bytes     measure.Count `json:"xdsBytes"`
	HeapBytes int64         `json:"envoyHeapBytes"`
}

// beyondInbound is what LazyXDS can do something about.
func (s Sidecar) beyondInbound() int { return s.Bytes.Total - s.Bytes.Inbound }

// Percentiles are the middle and the end of a distribution.
type Percentiles struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

func newFigures(full, lazy Sidecar, s samples, background []load.Report) Figures {
	f := Figures{
		Full: full, Lazy: lazy, Errors: map[string]int{},
		FirstRequest: percentiles(s.first), Direct: percentiles(s.direct), TimeToDirect: percentiles(s.toDirect),
	}
	for _, r := range slices.Concat(background, s.reports) {
		f.Requests += r.Requests
		f.Failures += r.Failed
		for reason, n := range r.Errors {
			f.Errors[r.URL+": "+reason] += n
		}
	}
	return f
}

func percentiles(d []time.Duration) Percentiles {
	l := load.Distribution(slices.Clone(d))
	return Percentiles{P50: l.P50, P99: l.P99}
}

// Verdict tells what the demo should have shown and did not; nil if it has shown everything.
func (f Figures) Verdict() error {
	var found []error
	if f.Requests == 0 {
		found = append(found, errors.New("no request was sent"))
	}
	if f.Failures > 0 {
		found = append(found, fmt.Errorf("%d of %d requests failed: %s", f.Failures, f.Requests, f.reasons()))
	}
	if f.Lazy.Services >= f.Full.Services || f.Lazy.Bytes.Total >= f.Full.Bytes.Total {
		found = append(found, fmt.Errorf("the scope did not shrink: from %d services and %d bytes to %d and %d",
			f.Full.Services, f.Full.Bytes.Total, f.Lazy.Services, f.Lazy.Bytes.Total))
	}
	if n := f.Lazy.beyondInbound(); n > MaxIdleBytes {
		found = append(found, fmt.Errorf("a lazy sidecar without dependencies gets %d bytes beyond its inbound listeners, more than %d", n, MaxIdleBytes))
	}
	if f.FirstRequest == (Percentiles{}) {
		found = append(found, errors.New("no first request took the fallback"))
	}
	return errors.Join(found...)
}

func (f Figures) reasons() string {
	var all []string
	for _, reason := range slices.Sorted(maps.Keys(f.Errors)) {
		all = append(all, fmt.Sprintf("%d x %s", f.Errors[reason], reason))
	}
	return strings.Join(all, "; ")
}

// WriteTable prints the figures for people, in 80 columns.
func (f Figures) WriteTable(w io.Writer) {
	row := func(name, left, right, note string) {
		fmt.Fprintln(w, strings.TrimRight(fmt.Sprintf("%-36s%14s%14s%10s", name, left, right, note), " "))
	}
	row("A SIDECAR'S CONFIGURATION", "FULL", "LAZY", "")
	count := func(name string, full, lazy int) { row(name, thousands(full), thousands(lazy), change(full, lazy)) }
	before, after := f.Full, f.Lazy
	count("services in scope", before.Services, after.Services)
	count("bytes of xDS", before.Bytes.Total, after.Bytes.Total)
	count("  clusters (cds)", before.Bytes.CDS, after.Bytes.CDS)
	count("  endpoints (eds)", before.Bytes.EDS, after.Bytes.EDS)
	count("  listeners (lds)", before.Bytes.LDS, after.Bytes.LDS)
	count("  routes (rds)", before.Bytes.RDS, after.Bytes.RDS)
	count("  inbound, which no scope changes", before.Bytes.Inbound, after.Bytes.Inbound)
	count("bytes of Envoy's heap", int(before.HeapBytes), int(after.HeapBytes))

	fmt.Fprintln(w)
	row("REQUESTS", "SENT", "FAILED", "")
	row("while and after it became lazy", thousands(f.Requests), thousands(f.Failures), "")

	fmt.Fprintln(w)
	row("A SERVICE NOT CALLED BEFORE", "P50", "P99", "")
	for _, line := range []struct {
		name string
		Percentiles
	}{
		{"first request, through the fallback", f.FirstRequest},
		{"the same request, directly", f.Direct},
		{"time until requests go directly", f.TimeToDirect},
	} {
		row(line.name, millis(line.P50), millis(line.P99), "")
	}
}

func millis(f float64) string { return fmt.Sprintf("%.1f ms", f) }

// change is the difference in percent, rounded towards none, which is left out.
func change(before, after int) string {
	if before == 0 || (after-before)*100/before == 0 {
		return ""
	}
	return fmt.Sprintf("%+d %%", (after-before)*100/before)
}

// thousands groups the digits of a number that is not negative.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
