package e2e

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/lazyxds/lazyxds/lab/app/load"
)

// sleeper is a container that does nothing by itself.
const sleeper = `{terminationGracePeriodSeconds: 2, containers: [{name: app, image: lazyxds/shell, command: [sleep, infinity]}]}`

// Whatever owns pods is a workload: a ReplicaSet, a DaemonSet, a CronJob, and a Pod that nothing owns.
func TestKindsOfWorkloads(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("a", "srv", "http:8080"), service("b", "srv", "http:8080"),
		service("c", "srv", "http:8080"), service("d", "srv", "http:8080"),
		"apiVersion: v1\nkind: Pod\nmetadata: {name: bare, labels: {app: bare}}\nspec: "+sleeper,
		workload("ReplicaSet", "set", "app: set", "lazyxds/shell", `command: [sleep, infinity]`),
		workload("DaemonSet", "daemon", "app: daemon", "lazyxds/shell", `command: [sleep, infinity]`), `
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 1 1 *"
  jobTemplate:
    spec:
      backoffLimit: 0
      template:
        metadata: {labels: {app: nightly}}
        spec:
          restartPolicy: Never
          containers: [{name: app, image: lazyxds/shell, command: [labapp, load, --url, "http://d:8080", --requests, "1"]}]
`)
	w.lazy("pod/bare", "replicaset/set", "daemonset/daemon", "cronjob/nightly")
	w.learnsFrom(w.podWith("app=bare"), "pod/bare", "a")
	w.learnsFrom(w.podWith("app=set"), "replicaset/set", "b")
	w.learnsFrom(w.podWith("app=daemon"), "daemonset/daemon", "c")

	if r := w.run("nightly", "first"); r.Fallback.Requests != 1 {
		t.Errorf("the CronJob's first run: the server saw %v, not the fallback", r.Peers)
	}
	w.inScope("cronjob/nightly", w.namespace+"/"+w.fqdn("d"))
	if r := w.run("nightly", "second"); r.Peers[w.identity("default")] != 1 {
		t.Errorf("the CronJob's second run: the server saw %v, not its caller", r.Peers)
	}
	if left := w.kubectl("get", "workloadscopes", "job-first", "job-second", "--ignore-not-found", "-o", "name"); left != "" {
		t.Errorf("the CronJob's Jobs have scopes of their own: %s", left)
	}
}

// An owner of a kind that LazyXDS knows nothing of is a workload too, be it the pods' own or their ReplicaSet's; a ConfigMap
// stands for it here. Its pods' common labels select them; an update that leaves less in common fails no request.
func TestOwnersOfUnknownKinds(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("a", "srv", "http:8080"), service("b", "srv", "http:8080"), service("c", "srv", "http:8080"),
		"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: crew}", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: gang}")
	member := func(name, version string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata:\n  name: %s\n  labels: {app: crew, version: %s, pod-template-hash: %s}\n  %s\nspec: %s",
			name, version, name, w.ownedBy("crew"), sleeper)
	}
	set := workload("ReplicaSet", "gang-1", "app: gang", "lazyxds/shell", `command: [sleep, infinity]`)
	w.apply(member("crew-1", "v1"), strings.Replace(set, "metadata: {name: gang-1}", "metadata:\n  name: gang-1\n  "+w.ownedBy("gang"), 1))
	w.lazy("configmap/crew", "configmap/gang")
	w.learnsFrom(w.podWith("app=gang"), "configmap/gang", "a")
	w.learnsFrom(w.podWith("app=crew,version=v1"), "configmap/crew", "a")

	traffic := w.send("pod/crew-1", "--url", "http://b:8080", "--rps", "20", "--duration", "0")
	w.apply(member("crew-2", "v2"))
	w.eventually("the Sidecar to select the pods of both versions", func() error {
		selector := w.kubectl("get", "sidecars", "-l", "lazyxds.io/scope=configmap-crew", "-o", "jsonpath={.items[*].spec.workloadSelector.labels}")
		if selector != `{"app":"crew"}` {
			return fmt.Errorf("it selects %s", selector)
		}
		return nil
	})
	w.becomes("configmap/crew", "True", "Lazy")
	w.learnsFrom(w.podWith("app=crew,version=v2"), "configmap/crew", "c")
	w.noFailure("load while the pods' labels changed", traffic.stop())
	if w.observed("configmap/crew", w.fqdn("a")) == nil {
		t.Error("what was learned before the labels changed is forgotten")
	}
}

// A workload whose selector picks the pods of another one keeps the full scope, and its condition says so. Nothing fails.
func TestSelectorsOverlap(t *testing.T) {
	t.Parallel()
	shop := func(name, selector, track string) string {
		out := workload("Deployment", name, "app: "+selector+", track: "+track, "lazyxds/shell", `command: [sleep, infinity]`)
		return strings.Replace(out, "matchLabels: {app: "+selector+", track: "+track+"}", "matchLabels: {app: "+selector+"}", 1)
	}
	narrow := workload("Deployment", "narrow", "app: shop, track: canary", "lazyxds/shell", `command: [sleep, infinity]`)
	w := newWorld(t, echo("srv", "v1"), service("a", "srv", "http:8080"), service("b", "srv", "http:8080"),
		shop("broad", "shop", "stable"), narrow, shop("one", "twin", "one"), shop("other", "twin", "other"))
	tracks := []string{"stable", "canary", "one", "other"}
	var loads []*traffic
	for _, track := range tracks {
		loads = append(loads, w.send(w.podWith("track="+track), "--url", "http://a:8080", "--rps", "5", "--duration", "0"))
	}
	w.lazy("deployment/narrow")

	for workload, other := range map[string]string{"broad": "narrow", "one": "other", "other": "one"} {
		w.becomes("deployment/"+workload, "False", "SharedSelector")
		scope, err := w.scope("deployment/" + workload)
		w.must(err)
		if text := fmt.Sprint(scope.Status.Conditions); !strings.Contains(text, "its selector picks the pods of Deployment "+other+" too") {
			t.Errorf("%s: its conditions do not name %s: %s", workload, other, text)
		}
		if hosts := w.sidecarHosts("deployment/" + workload); len(hosts) > 0 {
			t.Errorf("%s has a Sidecar with %v", workload, hosts)
		}
	}
	w.learnsFrom(w.podWith("track=canary"), "deployment/narrow", "b")
	for i, track := range tracks {
		w.noFailure("load from "+track, loads[i].stop())
	}
	w.kubectl("delete", "deployment", "other")
	w.becomes("deployment/one", "True", "Lazy")
}

// learnsFrom sends the first request of a pod to a service of the servers "srv": it takes the fallback, and has the service
// learned for the pod's workload. The next one goes directly.
func (w *world) learnsFrom(pod, workload, service string) {
	w.Helper()
	url := "http://" + service + ":8080"
	first := w.request(pod, url)
	w.servedBy(first, "srv/v1")
	if first.Fallback.Requests != 1 {
		w.Errorf("first request from %s: the server saw %v, not the fallback", pod, first.Peers)
	}
	w.inScope(workload, w.namespace+"/"+w.fqdn(service))
	w.eventually("requests from "+pod+" to "+service+" to go directly", func() error {
		r := w.request(pod, url)
		w.servedBy(r, "srv/v1")
		if r.Peers[w.identity("default")] != 1 {
			return fmt.Errorf("the server saw %v", r.Peers)
		}
		return nil
	})
}

// podWith waits until the one pod with a label is ready, and names it as kubectl does.
func (w *world) podWith(label string) string {
	w.Helper()
	w.kubectl("wait", "pod", "-l", label, "--for=condition=Ready", "--timeout", patience.String())
	return w.kubectl("get", "pod", "-l", label, "-o", "name")
}

// ownedBy is the metadata of what a ConfigMap of the story controls.
func (w *world) ownedBy(configMap string) string {
	w.Helper()
	uid := w.kubectl("get", "configmap", configMap, "-o", "jsonpath={.metadata.uid}")
	return fmt.Sprintf("ownerReferences: [{apiVersion: v1, kind: ConfigMap, name: %s, uid: %s, controller: true}]", configMap, uid)
}

// run starts a CronJob by hand and returns what the load in it reports.
func (w *world) run(cronJob, job string) load.Report {
	w.Helper()
	w.kubectl("create", "job", job, "--from=cronjob/"+cronJob)
	w.kubectl("wait", "job/"+job, "--for=condition=complete", "--timeout", patience.String())
	var r load.Report
	w.must(json.Unmarshal([]byte(w.kubectl("logs", "job/"+job, "-c", "app")), &r))
	return r
}
