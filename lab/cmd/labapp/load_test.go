package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/lab/app"
	"github.com/lazyxds/lazyxds/lab/app/echo"
	"github.com/lazyxds/lazyxds/lab/app/load"
)

func runLoad(t *testing.T, args ...string) (load.Report, error) {
	t.Helper()
	var out bytes.Buffer
	root := newRoot()
	root.SetOut(&out)
	root.SetArgs(append([]string{"load"}, args...))
	err := root.ExecuteContext(t.Context())
	var report load.Report
	if out.Len() > 0 {
		if err := json.Unmarshal(out.Bytes(), &report); err != nil {
			t.Fatalf("output is not one JSON object: %v\n%s", err, out.String())
		}
	}
	return report, err
}

func TestLoadPrintsOneReport(t *testing.T) {
	server := httptest.NewServer(echo.Handler(app.Identity{Name: "shop", Version: "v1"}))
	defer server.Close()

	report, err := runLoad(t, "--url", server.URL, "--requests", "3", "--rps", "0", "--header", app.HeaderClientCert+": URI=spiffe://a")
	if err != nil || report.Requests != 3 || report.Peers["spiffe://a"] != 3 {
		t.Errorf("report %+v, error %v", report, err)
	}
	report, err = runLoad(t, "--url", server.URL+"/?status=500", "--requests", "2", "--rps", "0")
	if !errors.Is(err, errRequestsFailed) || report.Failed != 2 {
		t.Errorf("report %+v, error %v; want the report and a failure", report, err)
	}
}

func TestLoadRefusesContradictions(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"--url", "http://a", "--tcp", "a:1"},
		{"--tcp", "a:1", "--grpc"},
		{"--url", "http://a", "-o", "yaml"},
		{"--url", "http://a", "--header", "nocolon"},
		{"--url", "http://a", "--timeout", "0"},
		{"--url", "http://a", "--every", "0"},
	} {
		if _, err := runLoad(t, args...); err == nil || errors.Is(err, errRequestsFailed) {
			t.Errorf("%q: error %v, want one about the flags", args, err)
		}
	}
}

func TestLoadFlagsComplete(t *testing.T) {
	tests := []struct {
		name          string
		flags         loadFlags
		durationGiven bool
		url           string
		duration      time.Duration
	}{
		{"url", loadFlags{cfg: load.Config{URL: "http://a"}}, false, "http://a", time.Second},
		{"tcp", loadFlags{tcp: "a:1"}, false, "tcp://a:1", time.Second},
		{"grpc, bare host", loadFlags{cfg: load.Config{URL: "a:1"}, grpc: true}, false, "grpc://a:1", time.Second},
		{"grpc, url", loadFlags{cfg: load.Config{URL: "http://a:1/x"}, grpc: true}, false, "grpc://a:1", time.Second},
		{"requests", loadFlags{cfg: load.Config{URL: "http://a", Requests: 5}}, false, "http://a", 0},
		{"requests within a time", loadFlags{cfg: load.Config{URL: "http://a", Requests: 5}}, true, "http://a", time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f := tt.flags
			f.cfg.Duration, f.every, f.output = time.Second, time.Second, "json"
			f.headers = []string{"A: b", "A:c"}
			if err := f.complete(tt.durationGiven); err != nil {
				t.Fatal(err)
			}
			if f.cfg.URL != tt.url || f.cfg.Duration != tt.duration {
				t.Errorf("url %q, duration %s", f.cfg.URL, f.cfg.Duration)
			}
			if got := f.cfg.Headers[http.CanonicalHeaderKey("a")]; len(got) != 2 || got[0] != "b" || got[1] != "c" {
				t.Errorf("headers %v", f.cfg.Headers)
			}
		})
	}
}
