package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestPrefixes(t *testing.T) {
	good := options{namespace: "istio-system", divertCIDRs: []string{"10.96.1.2/12", "fd00::/108"}}
	got, err := good.prefixes()
	if err != nil || len(got) != 2 || got[0].String() != "10.96.0.0/12" {
		t.Errorf("prefixes = %v, %v", got, err)
	}
	bad := map[string]options{
		"--namespace":   {},
		"--divert-cidr": {namespace: "x", divertCIDRs: []string{"10.96.0.0"}},
		"--settle":      {namespace: "x", settle: -time.Second},
	}
	for flag, opts := range bad {
		if _, err := opts.prefixes(); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("error = %v, want it to name %s", err, flag)
		}
	}
}

func TestLogging(t *testing.T) {
	var out bytes.Buffer
	log, err := (&logging{level: "warn", format: "json"}).logger(&out)
	if err != nil {
		t.Fatal(err)
	}
	log.Info("quiet")
	log.Warn("loud")
	if got := out.String(); strings.Contains(got, "quiet") || !strings.Contains(got, `"msg":"loud"`) {
		t.Errorf("logged %s", got)
	}
	for flag, l := range map[string]logging{"--log-level": {"loud", "text"}, "--log-format": {"info", "xml"}} {
		if _, err := l.logger(&out); err == nil || !strings.Contains(err.Error(), flag) {
			t.Errorf("error = %v, want it to name %s", err, flag)
		}
	}
}
