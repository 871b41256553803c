package e2e

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// egressIdentity is who a server sees when a request took the fallback.
const egressIdentity = "spiffe://cluster.local/ns/istio-system/sa/istio-egressgateway-lazyxds"

// equal is one case of equality: a shell script that behaves alike in "control", which has the full scope, and in "client",
// which is lazy, the first time as well as later.
type equal struct {
	// name is that of the Service, or the host of the ServiceEntry, that the script calls and that no other case does.
	name string
	// script is what a client does; its output is what a client sees. NS stands for the story's namespace.
	script string
	// want is part of the output, so that a case is not equal because it fails everywhere.
	want string
	// in is the namespace of the Service, the story's if empty.
	in string
	// fromStart tells that the fallback never carries this: the service is in scope before any traffic, or nobody's.
	fromStart bool
	// counted is a Deployment of which the script tells how many requests reach it.
	counted string
}

// equalities runs each case in a subtest of its own.
func (w *world) equalities(cases []equal) {
	for _, c := range cases {
		w.Run(c.name, func(t *testing.T) { w.sub(t).equality(c) })
	}
}

// equality runs a case in full scope, then lazily until it goes directly, and compares each time.
func (w *world) equality(c equal) {
	w.Helper()
	script := w.named(c.script)
	full := w.attempt("control", script, c.counted)
	if !strings.Contains(full, c.want) {
		w.Fatalf("in full scope there is no %q:\n%s", c.want, full)
	}
	compare := func(when, lazily string) {
		if a, b := withoutIdentity(full), withoutIdentity(lazily); a != b {
			w.Fatalf("%s is different: %s\nin full scope:\n%s\nlazily:\n%s", when, firstDifference(a, b), a, b)
		}
	}
	first := w.attempt("client", script, c.counted)
	compare("the first request", first)
	if c.fromStart {
		return
	}
	namespace := cmp.Or(c.in, w.namespace)
	host := c.name
	if !strings.Contains(host, ".") {
		host += "." + namespace + ".svc.cluster.local"
	}
	if strings.Contains(full, w.identity("default")) && !strings.Contains(first, egressIdentity) {
		w.Errorf("the first request did not take the fallback:\n%s", first)
	}
	w.inScope("deployment/client", namespace+"/"+host)
	w.eventually("requests to go directly", func() error {
		later := w.attempt("client", script, c.counted)
		compare("a later request", later)
		if strings.Contains(later, egressIdentity) {
			return fmt.Errorf("the server saw the egress")
		}
		if w.connected("control", host) && !w.connected("client", host) {
			return fmt.Errorf("the client's sidecar has no connection to %s", host)
		}
		return nil
	})
}

// attempt runs a script in a Deployment and returns its output, its exit code and what reached the counted Deployment.
func (w *world) attempt(from, script, counted string) string {
	w.Helper()
	before := 0
	if counted != "" {
		before = w.inbound(counted)
	}
	out, err := w.lab.Exec(w.ctx, cluster.Target{Namespace: w.namespace, Name: "deploy/" + from}, "sh", "-c", script)
	w.must(err)
	told := fmt.Sprintf("%s%sexit code %d\n", out.Stdout, out.Stderr, out.Code)
	if counted != "" {
		told += fmt.Sprintf("%d requests reached %s\n", w.inbound(counted)-before, counted)
	}
	return told
}

// inbound tells how many requests a Deployment's sidecar has let in.
func (w *world) inbound(deployment string) int {
	w.Helper()
	clusters := w.exec("deploy/"+deployment, "curl", "-sS", "-m", "5", "http://localhost:15000/clusters")
	total := 0
	for _, found := range regexp.MustCompile(`(?m)^inbound\|.*::rq_total::(\d+)$`).FindAllStringSubmatch(clusters, -1) {
		n, err := strconv.Atoi(found[1])
		w.must(err)
		total += n
	}
	return total
}

// connected tells whether a Deployment's sidecar has ever opened a connection to a host by itself.
func (w *world) connected(from, host string) bool {
	w.Helper()
	clusters := w.exec("deploy/"+from, "curl", "-sS", "-m", "5", "http://localhost:15000/clusters")
	return regexp.MustCompile(`(?m)^outbound\|\d+\|[^|]*\|` + regexp.QuoteMeta(host) + `::.*::cx_total::[1-9]`).MatchString(clusters)
}

var (
	// identities are headers that tell who called, and that differ from request to request.
	identities = regexp.MustCompile(`(?s)"(X-Forwarded-Client-Cert|X-Request-Id|X-B3-[A-Za-z]+|Traceparent)": \[.*?\],?\s*`)
	// volatile are lines of the kind; an echoed request is longer or shorter with them.
	volatile = regexp.MustCompile(`(?mi)^\s*("remoteAddr"|"peer"|date:|content-length:|x-lab-peer:|x-envoy-upstream-service-time:).*\n`)
)

// withoutIdentity is a script's output without what may differ between any two requests.
func withoutIdentity(out string) string {
	return volatile.ReplaceAllString(identities.ReplaceAllString(strings.ReplaceAll(out, "\r", ""), ""), "")
}

// firstDifference are the first lines in which two texts differ.
func firstDifference(a, b string) string {
	as, bs := strings.Split(a, "\n"), strings.Split(b, "\n")
	for i := range min(len(as), len(bs)) {
		if as[i] != bs[i] {
			return fmt.Sprintf("%q, lazily %q", as[i], bs[i])
		}
	}
	return fmt.Sprintf("%d lines, lazily %d", len(as), len(bs))
}

// newEqualWorld is a world whose "client" is lazy and whose "control" is not.
func newEqualWorld(t *testing.T, documents ...string) *world {
	t.Helper()
	w := newWorld(t, append(documents, client("client"), client("control"))...)
	w.annotate("deployment/control", "false")
	w.lazy("deployment/client")
	return w
}
