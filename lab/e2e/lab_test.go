package e2e

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// The lab is a mesh as users know it: Istio's bookinfo runs unmodified, mTLS holds, and kubectl does what it does.
func TestLabIsAMesh(t *testing.T) {
	t.Parallel()
	w := newWorld(t, client("client"), `
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {greeting: hello}
---
apiVersion: v1
kind: Pod
metadata: {name: outsider, labels: {sidecar.istio.io/inject: "false"}}
spec:
  containers:
  - name: app
    image: lazyxds/shell
    command: [sleep, infinity]
    volumeMounts: [{name: settings, mountPath: /settings}]
  volumes: [{name: settings, configMap: {name: settings}}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: plain}
spec:
  selector: {matchLabels: {app: plain}}
  template:
    metadata: {labels: {app: plain, sidecar.istio.io/inject: "false"}}
    spec: {containers: [{name: app, image: lazyxds/echo, args: [--http=8080]}]}
`, service("plain", "plain", "http:80:8080"))
	w.bookinfo()
	w.kubectl("wait", "pod/outsider", "--for=condition=Ready", "--timeout", patience.String())

	w.noFailure("bookinfo", w.request("deploy/client", "http://productpage:9080/productpage", "--requests", "20"))
	if out := w.request("pod/outsider", "http://productpage:9080/productpage"); out.Failed != 1 {
		t.Errorf("a client without a sidecar got through STRICT mTLS: %+v", out.Peers)
	}
	w.noFailure("a Service through kube-proxy", w.request("pod/outsider", "http://plain"))

	if got := w.exec("pod/outsider", "cat", "/settings/greeting"); got != "hello" {
		t.Errorf("the ConfigMap's file says %q", got)
	}
	w.kubectl("patch", "configmap", "settings", "--type=merge", "-p", `{"data":{"greeting":"good day"}}`)
	w.eventually("the file to follow the ConfigMap", func() error {
		if got := w.exec("pod/outsider", "cat", "/settings/greeting"); got != "good day" {
			return fmt.Errorf("it says %q", got)
		}
		return nil
	})
	token := w.exec("pod/outsider", "cat", "/var/run/secrets/kubernetes.io/serviceaccount/token")
	if parts := strings.Split(token, "."); len(parts) != 3 {
		t.Errorf("the service account's token is no JWT: %q", token)
	}

	w.kubectl("scale", "deploy/reviews-v1", "--replicas=2")
	w.kubectl("rollout", "restart", "deploy/details-v1")
	w.ready()
	if pods := strings.Fields(w.kubectl("get", "pods", "-l", "app=reviews,version=v1", "-o", "name")); len(pods) != 2 {
		t.Errorf("pods after scaling to two: %v", pods)
	}
	if log := w.kubectl("logs", "deploy/details-v1", "-c", "details"); log == "" {
		t.Error("no log of details")
	}
}

// What goes wrong in a pod is told where it is told on a node: in its status and in events.
func TestLabTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: nothing}")
	pod := func(name, spec string) string {
		return fmt.Sprintf("apiVersion: v1\nkind: Pod\nmetadata: {name: %s, labels: {sidecar.istio.io/inject: \"false\"}}\nspec: %s", name, spec)
	}
	w.apply(
		pod("unknown-image", `{containers: [{name: app, image: example.com/nobody/knows:v1}]}`),
		pod("crashing", `{containers: [{name: app, image: lazyxds/shell, command: [sh, -c, "exit 3"]}]}`),
		pod("clash", `{containers: [{name: a, image: lazyxds/echo, args: [--http=8080]}, {name: b, image: lazyxds/echo, args: [--http=8080]}]}`),
		pod("taken", `{containers: [{name: app, image: lazyxds/shell, command: [sleep, infinity], ports: [{containerPort: 80, hostPort: 8099}]}]}`))
	w.kubectl("wait", "pod/taken", "--for=condition=Ready", "--timeout", patience.String())
	w.apply(pod("too-late", `{containers: [{name: app, image: lazyxds/shell, command: [sleep, infinity], ports: [{containerPort: 80, hostPort: 8099}]}]}`))

	for name, want := range map[string][]string{
		"unknown-image": {"ImagePullBackOff", "example.com/nobody/knows:v1"},
		"crashing":      {"CrashLoopBackOff", "back-off"},
		"clash":         {"CrashLoopBackOff"},
		"too-late":      {"PodScheduled", "free ports"},
	} {
		w.eventually("pod "+name+" to tell what is wrong", func() error {
			status := w.kubectl("get", "pod", name, "-o", "jsonpath={.status}")
			events := w.kubectl("get", "events", "--field-selector", "involvedObject.name="+name, "-o", "jsonpath={.items[*].message}")
			for _, text := range want {
				if !strings.Contains(status, text) {
					return fmt.Errorf("status without %q: %s", text, status)
				}
			}
			if events == "" {
				return fmt.Errorf("no event")
			}
			return nil
		})
	}
	w.eventually("the clash to be in the log of the container that lost", func() error {
		log := w.kubectl("logs", "clash", "-c", "b") + w.kubectl("logs", "clash", "-c", "a")
		if !strings.Contains(log, "address already in use") {
			return fmt.Errorf("it is not: %s", log)
		}
		return nil
	})
}

// A second lab runs beside the first; nobody installed LazyXDS's CRD there, which the controller says. The lab's processes
// are killed one by one, without any chance to clean up; taking it down leaves nothing, and the first lab is not touched.
func TestLabLeavesNothing(t *testing.T) {
	ctx, name := t.Context(), "e2e2"
	second, err := cluster.Up(ctx, cluster.Options{Name: name, IstioLine: *istio, Progress: os.Stderr})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := cluster.Down(context.Background(), name); err != nil {
			t.Error(err)
		}
	})
	if err := second.Apply(ctx, docs("apiVersion: v1\nkind: Namespace\nmetadata: {name: x, labels: {istio-injection: enabled}}",
		strings.Replace(client("client"), "{name: client}", "{name: client, namespace: x}", 1))); err != nil {
		t.Fatal(err)
	}
	if err := second.WaitDeployment(ctx, "x", "client", patience); err != nil {
		t.Fatal(err)
	}
	refuses(t, second.Kubeconfig(), 3, "workloadscopes of lazyxds.io")
	for _, component := range cluster.Components() {
		if err := second.Signal(component, syscall.SIGKILL); err != nil {
			t.Errorf("kill %s: %v", component, err)
		}
	}
	if _, err := cluster.Down(ctx, name); err != nil {
		t.Fatal(err)
	}

	if left, _ := filepath.Glob("/run/netns/lz-" + name + "*"); len(left) > 0 {
		t.Errorf("network namespaces left: %v", left)
	}
	if left, _ := filepath.Glob("/run/lazylab/" + name); len(left) > 0 {
		t.Errorf("files left: %v", left)
	}
	if mounts, err := os.ReadFile("/proc/mounts"); err != nil || strings.Contains(string(mounts), "lz-"+name) || strings.Contains(string(mounts), "/run/lazylab/"+name+"/") {
		t.Errorf("mounts left (%v):\n%s", err, mounts)
	}
	if out, err := exec.CommandContext(ctx, "pgrep", "-af", "/run/lazylab/"+name+"/").CombinedOutput(); err == nil {
		t.Errorf("processes left:\n%s", out)
	}
	if _, err := mesh.Kubectl(ctx, "", "get", "nodes"); err != nil {
		t.Errorf("the other lab: %v", err)
	}
}
