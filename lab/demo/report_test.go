package demo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lazyxds/lazyxds/lab/app/load"
	"github.com/lazyxds/lazyxds/lab/measure"
)

// good are figures of a demo that shows what it should.
func good() Figures {
	full := Sidecar{Services: 232, HeapBytes: 31_234_567, Bytes: measure.Count{Total: 302_345, CDS: 120_000, EDS: 90_000, LDS: 40_000, RDS: 44_845, Inbound: 7_500}}
	lazy := Sidecar{Services: 2, HeapBytes: 6_800_000, Bytes: measure.Count{Total: 15_722, CDS: 5_000, LDS: 3_224, Inbound: 7_498}}
	s := samples{
		first:    []time.Duration{4 * time.Millisecond, 9 * time.Millisecond, 5 * time.Millisecond},
		direct:   []time.Duration{2 * time.Millisecond, 3 * time.Millisecond},
		toDirect: []time.Duration{350 * time.Millisecond, 1200 * time.Millisecond},
		reports:  []load.Report{{Requests: 50}, {Requests: 5}},
	}
	return newFigures(full, lazy, s, []load.Report{{Requests: 1500}, {Requests: 700}})
}

func TestWriteTable(t *testing.T) {
	var got strings.Builder
	good().WriteTable(&got)
	want := `
A SIDECAR'S CONFIGURATION                     FULL          LAZY
services in scope                              232             2     -99 %
bytes of xDS                               302,345        15,722     -94 %
  clusters (cds)                           120,000         5,000     -95 %
  endpoints (eds)                           90,000             0    -100 %
  listeners (lds)                           40,000         3,224     -91 %
  routes (rds)                              44,845             0    -100 %
  inbound, which no scope changes            7,500         7,498
bytes of Envoy's heap                   31,234,567     6,800,000     -78 %

REQUESTS                                      SENT        FAILED
while and after it became lazy               2,255             0

A SERVICE NOT CALLED BEFORE                    P50           P99
first request, through the fallback         5.0 ms        9.0 ms
the same request, directly                  2.0 ms        3.0 ms
time until requests go directly           350.0 ms     1200.0 ms
`
	if diff := cmp.Diff(want, "\n"+got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	for _, line := range strings.Split(got.String(), "\n") {
		if len(line) > 80 {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
}

func TestFiguresAsJSON(t *testing.T) {
	got, err := json.Marshal(good())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"requests":2255,"failures":0,` +
		`"full":{"services":232,"xdsBytes":{"total":302345,"cds":120000,"eds":90000,"lds":40000,"rds":44845,"inbound":7500},"envoyHeapBytes":31234567},` +
		`"lazy":{"services":2,"xdsBytes":{"total":15722,"cds":5000,"eds":0,"lds":3224,"rds":0,"inbound":7498},"envoyHeapBytes":6800000},` +
		`"firstRequestMillis":{"p50":5,"p99":9},"directMillis":{"p50":2,"p99":3},"timeToDirectMillis":{"p50":350,"p99":1200}}`
	if diff := cmp.Diff(want, string(got)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

// The reports of all loads are added up, failures by what was called and why.
func TestNewFiguresAddsUp(t *testing.T) {
	s := samples{reports: []load.Report{
		{URL: "http://first-01", Requests: 10, Failed: 1, Errors: map[string]int{"timeout": 1}},
		{URL: "http://first-01", Requests: 1, Failed: 1, Errors: map[string]int{"timeout": 1}},
	}}
	f := newFigures(Sidecar{}, Sidecar{}, s, []load.Report{
		{URL: "http://productpage", Requests: 100, Failed: 2, Errors: map[string]int{"timeout": 2}},
	})
	want := map[string]int{"http://first-01: timeout": 2, "http://productpage: timeout": 2}
	if diff := cmp.Diff(want, f.Errors); f.Requests != 111 || f.Failures != 4 || diff != "" {
		t.Errorf("%d requests, %d failures, errors (-want +got):\n%s", f.Requests, f.Failures, diff)
	}
}

func TestVerdict(t *testing.T) {
	if err := good().Verdict(); err != nil {
		t.Errorf("good figures: %v", err)
	}
	for name, test := range map[string]struct {
		spoil func(*Figures)
		want  string
	}{
		"a request failed": {
			func(f *Figures) { f.Failures, f.Errors = 3, map[string]int{"timeout": 1, "status 503": 2} },
			"3 of 2255 requests failed: 2 x status 503; 1 x timeout",
		},
		"nothing was sent": {
			func(f *Figures) { f.Requests = 0 },
			"no request was sent",
		},
		"the scope stayed": {
			func(f *Figures) { f.Lazy.Services = f.Full.Services },
			"the scope did not shrink: from 232 services and 302345 bytes to 232 and 15722",
		},
		"too much is left": {
			func(f *Figures) { f.Lazy.Bytes.Total = 17_499 },
			"a lazy sidecar without dependencies gets 10001 bytes beyond its inbound listeners, more than 10000",
		},
		"the fallback was not used": {
			func(f *Figures) { f.FirstRequest = Percentiles{} },
			"no first request took the fallback",
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			test.spoil(&f)
			err := f.Verdict()
			if err == nil {
				t.Fatal("it passes")
			}
			if diff := cmp.Diff(test.want, err.Error()); diff != "" {
				t.Errorf("verdict (-want +got):\n%s", diff)
			}
		})
	}
}
