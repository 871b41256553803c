package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/lab/cluster"
	"github.com/lazyxds/lazyxds/lab/measure"
)

// patience bounds every wait. It is far more than anything takes on an idle machine: a story that needs it has failed.
const patience = 90 * time.Second

// world is the ground of one story: a namespace of its own in a mesh, as a rule the shared one, where pods get sidecars.
type world struct {
	*testing.T
	ctx       context.Context
	lab       *cluster.Lab
	namespace string
}

var notName = regexp.MustCompile(`[^a-z0-9]+`)

// newWorld makes a namespace named after the test, applies documents in it and waits until every workload is ready.
// The namespace goes with the test.
func newWorld(t *testing.T, documents ...string) *world {
	t.Helper()
	name := strings.Trim(notName.ReplaceAllString(strings.ToLower(strings.TrimPrefix(t.Name(), "Test")), "-"), "-")
	return newWorldIn(t, name, documents...)
}

// newWorldIn is newWorld with a namespace of a given name.
func newWorldIn(t *testing.T, namespace string, documents ...string) *world {
	t.Helper()
	return newWorldOn(mesh, t, namespace, documents...)
}

// newWorldOn is newWorldIn on a lab other than the one that stories share.
func newWorldOn(lab *cluster.Lab, t *testing.T, namespace string, documents ...string) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context(), lab: lab, namespace: namespace}
	w.must(w.lab.Apply(w.ctx, fmt.Sprintf(
		"apiVersion: v1\nkind: Namespace\nmetadata: {name: %s, labels: {istio-injection: enabled}}", namespace)))
	t.Cleanup(func() {
		if t.Failed() {
			w.tellState()
		}
		_, err := w.lab.Kubectl(context.Background(), "", "delete", "namespace", namespace, "--wait=false")
		if err != nil {
			t.Error(err)
		}
	})
	w.apply(documents...)
	w.ready()
	return w
}

// tellState logs what somebody who looks at a failed story would ask for first.
func (w *world) tellState() {
	for _, args := range [][]string{
		{"get", "pods,workloadscopes", "-o", "wide"},
		{"get", "sidecars", "-o", "yaml"},
		{"get", "events", "--field-selector", "type=Warning"},
	} {
		out, err := w.lab.Kubectl(context.Background(), "", append(args, "-n", w.namespace)...)
		w.Logf("kubectl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	out, err := w.lab.Kubectl(context.Background(), "", "logs", "-n", "istio-system", "deploy/lazyxds", "--tail", "40")
	w.Logf("controller log: %v\n%s", err, out)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// apply applies documents in the story's namespace; NS in them stands for its name.
func (w *world) apply(documents ...string) {
	w.Helper()
	if len(documents) == 0 {
		return
	}
	_, err := w.lab.Kubectl(w.ctx, w.named(docs(documents...)), "apply", "-n", w.namespace, "-f", "-")
	w.must(err)
}

// named is a text with the namespace's name for NS.
func (w *world) named(text string) string {
	return regexp.MustCompile(`\bNS\b`).ReplaceAllString(text, w.namespace)
}

// kubectl runs kubectl in the story's namespace and fails the story if it fails.
func (w *world) kubectl(args ...string) string {
	w.Helper()
	out, err := w.lab.Kubectl(w.ctx, "", append([]string{"-n", w.namespace}, args...)...)
	w.must(err)
	return strings.TrimSpace(out)
}

// ready waits until every Deployment, StatefulSet and DaemonSet of the story has all its pods ready.
func (w *world) ready() {
	w.Helper()
	for _, name := range strings.Fields(w.kubectl("get", "deploy,statefulset,daemonset", "-o", "name")) {
		w.kubectl("rollout", "status", name, "--timeout", patience.String())
	}
}

// eventually waits until check returns no error; it fails the story with check's last error.
func (w *world) eventually(what string, check func() error) {
	w.Helper()
	w.must(w.lab.Wait(w.ctx, what, patience, errorFree(check)))
}

// errorFree makes a condition to wait for of a check.
func errorFree(check func() error) func(context.Context) (bool, string) {
	return func(context.Context) (bool, string) {
		err := check()
		return err == nil, fmt.Sprint(err)
	}
}

// enrol sets the namespace's lazy-xds annotation; an empty value removes it.
func (w *world) enrol(value string) {
	w.Helper()
	w.annotate("namespace/"+w.namespace, value)
}

// annotate sets the lazy-xds annotation of an object.
func (w *world) annotate(object, value string) {
	w.Helper()
	annotation := "lazy-xds=" + value
	if value == "" {
		annotation = "lazy-xds-"
	}
	w.kubectl("annotate", "--overwrite", object, annotation)
}

// lazy makes the namespace lazy and waits until each of the named workloads, given as kind/name, is.
func (w *world) lazy(workloads ...string) {
	w.Helper()
	w.enrol("true")
	for _, name := range workloads {
		w.becomes(name, "True", "Lazy")
	}
}

// becomes waits until a workload's scope has the Ready condition with this status and reason.
func (w *world) becomes(workload, status, reason string) {
	w.Helper()
	w.eventually(workload+" to be "+reason, func() error {
		scope, err := w.scope(workload)
		if err != nil {
			return err
		}
		for _, c := range scope.Status.Conditions {
			if c.Type == "Ready" && c.Status == status && c.Reason == reason {
				return nil
			}
		}
		return fmt.Errorf("conditions %+v", scope.Status.Conditions)
	})
}

// scope is what a story reads of a WorkloadScope.
type scope struct {
	Metadata struct {
		Name            string
		ResourceVersion string
	}
	Status struct {
		Learned      int
		Dependencies []dependency
		Conditions   []struct{ Type, Status, Reason, Message string }
	}
}

type dependency struct {
	Host, Source         string
	SeenAs               []string
	FirstSeen, ExpiresAt time.Time
}

// scope reads the WorkloadScope of a workload, given as kind/name.
func (w *world) scope(workload string) (scope, error) {
	var s scope
	out, err := w.lab.Kubectl(w.ctx, "", "-n", w.namespace, "get", "workloadscope", strings.ReplaceAll(workload, "/", "-"), "-o", "json")
	if err != nil {
		return s, err
	}
	return s, json.Unmarshal([]byte(out), &s)
}

// records tells whether the workload was seen to call a host.
func (s scope) records(host string) bool {
	return slices.ContainsFunc(s.Status.Dependencies, func(d dependency) bool { return d.Host == host && d.Source == "Observed" })
}

// observed returns the dependency on a host that a workload was seen to call, nil if there is none.
func (w *world) observed(workload, host string) *dependency {
	w.Helper()
	s, err := w.scope(workload)
	w.must(err)
	i := slices.IndexFunc(s.Status.Dependencies, func(d dependency) bool { return d.Host == host && d.Source == "Observed" })
	if i < 0 {
		return nil
	}
	return &s.Status.Dependencies[i]
}

// sidecarHosts returns the egress hosts of the Sidecar that LazyXDS wrote for a workload; none if there is no Sidecar.
func (w *world) sidecarHosts(workload string) []string {
	w.Helper()
	out := w.kubectl("get", "sidecars", "-l", "lazyxds.io/scope="+strings.ReplaceAll(workload, "/", "-"),
		"-o", "jsonpath={.items[*].spec.egress[*].hosts[*]}")
	return strings.Fields(out)
}

// inScope waits until a workload's Sidecar holds a host, given as namespace/host.
func (w *world) inScope(workload, host string) {
	w.Helper()
	w.inScopeWithin(patience, workload, host)
}

// inScopeWithin is inScope with a limit that is part of what the story claims.
func (w *world) inScopeWithin(limit time.Duration, workload, host string) {
	w.Helper()
	w.must(w.lab.Wait(w.ctx, host+" in the scope of "+workload, limit, errorFree(func() error {
		if hosts := w.sidecarHosts(workload); !slices.Contains(hosts, host) {
			return fmt.Errorf("it has %v", hosts)
		}
		return nil
	})))
}

// ours lists the objects that LazyXDS keeps in the story's namespace.
func (w *world) ours() []string {
	w.Helper()
	out := w.kubectl("get", "sidecars,envoyfilters,workloadscopes", "-l", "app.kubernetes.io/managed-by=lazyxds", "-o", "name")
	return strings.Fields(out)
}

// fqdn is the full host name of a Service of the story.
func (w *world) fqdn(service string) string {
	return service + "." + w.namespace + ".svc.cluster.local"
}

// identity is the SPIFFE id of a service account of the story.
func (w *world) identity(account string) string {
	return "spiffe://cluster.local/ns/" + w.namespace + "/sa/" + account
}

// exec runs a command in a workload's app container and returns its output; the command must succeed.
func (w *world) exec(from string, command ...string) string {
	w.Helper()
	out, err := w.lab.Exec(w.ctx, cluster.Target{Namespace: w.namespace, Name: from}, command...)
	w.must(err)
	if out.Code != 0 {
		w.Fatalf("%s in %s: exit code %d\n%s%s", strings.Join(command, " "), from, out.Code, out.Stdout, out.Stderr)
	}
	return out.Stdout
}

// measure tells what a workload's sidecar was sent.
func (w *world) measure(workload string) measure.Result {
	w.Helper()
	r, err := measure.Pod(w.ctx, w.lab, cluster.Target{Namespace: w.namespace, Name: workload})
	w.must(err)
	return r
}

// learned returns an error unless each workload has been seen to call each of its services.
func (w *world) learned(want map[string][]string) error {
	w.Helper()
	for workload, services := range want {
		for _, service := range services {
			if w.observed(workload, w.fqdn(service)) == nil {
				return fmt.Errorf("%s has not learned %s", workload, service)
			}
		}
	}
	return nil
}
