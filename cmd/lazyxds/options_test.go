package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/internal/identity"
)

func TestRanges(t *testing.T) {
	me := identity.Config{ID: "spiffe://cluster.local/ns/istio-system/sa/lazyxds", Peers: []string{"spiffe://cluster.local/ns/x/sa/y"}}
	good := options{
		namespace: "istio-system", identity: me, divertCIDRs: []string{"10.96.1.2/12", "fd00::/108"}, headless: "Learn", podCIDRs: []string{"10.244.0.1/16"},
		sampling: 10, failurePolicy: "Hold",
	}
	got, err := good.ranges()
	if err != nil || len(got.divert) != 2 || got.divert[0].String() != "10.96.0.0/12" || len(got.pods) != 1 || got.pods[0].String() != "10.244.0.0/16" {
		t.Errorf("ranges = %v, %v", got, err)
	}
	bad := map[string]options{
		"--namespace":               {},
		"--identity":                {namespace: "x"},
		"--als-peer":                {namespace: "x", identity: identity.Config{ID: me.ID}},
		"--divert-cidr":             {namespace: "x", identity: me, sampling: 100, headless: "Always", divertCIDRs: []string{"10.96.0.0"}, failurePolicy: "Passthrough"},
		"--idle-ttl":                {namespace: "x", identity: me, sampling: 100, failurePolicy: "Hold", idleTTL: time.Minute - 1},
		"--sampling":                {namespace: "x", identity: me, headless: "Always", failurePolicy: "Hold"},
		"--settle":                  {namespace: "x", identity: me, settle: -time.Second},
		"--drain":                   {namespace: "x", identity: me, drain: -time.Second},
		"--headless":                {namespace: "x", identity: me, sampling: 100, headless: "Sometimes"},
		"needs --pod-cidr":          {namespace: "x", identity: me, sampling: 100, headless: "Learn"},
		"--pod-cidr is for":         {namespace: "x", identity: me, sampling: 100, headless: "Always", podCIDRs: []string{"10.244.0.0/16"}},
		"--pod-cidr: ":              {namespace: "x", identity: me, sampling: 100, headless: "Learn", podCIDRs: []string{"10.244.0.0"}, failurePolicy: "Hold"},
		"--passthrough-after":       {namespace: "x", identity: me, passthroughAfter: -time.Second},
		"--fallback-failure-policy": {namespace: "x", identity: me, sampling: 100, headless: "Always", failurePolicy: "hold"},
	}
	for flag, opts := range bad {
		if _, err := opts.ranges(); err == nil || !strings.Contains(err.Error(), flag) {
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
