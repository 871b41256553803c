package e2e

import (
	"bufio"
	"fmt"
	"strconv"
	"strings"
	"syscall"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

var controller = cluster.Target{Namespace: "istio-system", Name: "deploy/lazyxds"}

// inController runs a command in the controller's container and returns its output; the command must succeed.
func (w *world) inController(command ...string) string {
	w.Helper()
	out, err := w.lab.Exec(w.ctx, controller, command...)
	w.must(err)
	if out.Code != 0 {
		w.Fatalf("%v: exit code %d: %s", command, out.Code, out.Stderr)
	}
	return out.Stdout
}

// metric reads one sample of the controller's metrics, named as /metrics prints it, labels included.
func (w *world) metric(sample string) (float64, error) { return w.metricOf(controller, sample) }

// metricOf is metric for one of several controllers.
func (w *world) metricOf(replica cluster.Target, sample string) (float64, error) {
	out, err := w.lab.Exec(w.ctx, replica, "curl", "-sS", "-m", "5", "http://127.0.0.1:9090/metrics")
	if err != nil {
		return 0, err
	}
	for lines := bufio.NewScanner(strings.NewReader(out.Stdout)); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), sample+" "); ok {
			return strconv.ParseFloat(value, 64)
		}
	}
	return 0, fmt.Errorf("no metric %s: %s", sample, out.Stderr)
}

// planned waits until the controller that runs now leads and has made a plan in which the story's workloads are lazy.
func (w *world) planned() {
	w.Helper()
	w.eventually("the controller to lead and to have planned", func() error {
		_, err := w.metric(fmt.Sprintf(`lazyxds_workloads{namespace=%q,state="Lazy"}`, w.namespace))
		return err
	})
}

// killController ends the controller without warning, and waits until the one started in its place has planned.
func (w *world) killController() {
	w.Helper()
	restarts := w.restarts()
	w.must(w.lab.SignalContainer(w.ctx, controller, syscall.SIGKILL))
	w.eventually("the controller to be restarted", func() error {
		if w.restarts() == restarts {
			return fmt.Errorf("restarts: %s", restarts)
		}
		return nil
	})
	w.planned()
}

// scaleController changes the number of controllers and waits until that many run.
func (w *world) scaleController(replicas int) {
	w.Helper()
	w.kubectl("scale", "-n", "istio-system", "deployment/lazyxds", "--replicas", strconv.Itoa(replicas))
	if replicas == 0 {
		w.kubectl("wait", "-n", "istio-system", "pod", "-l", "app=lazyxds", "--for=delete", "--timeout", patience.String())
		return
	}
	w.kubectl("rollout", "status", "-n", "istio-system", "deployment/lazyxds", "--timeout", patience.String())
	w.planned()
}

// restarts tells how often the controller's container was restarted.
func (w *world) restarts() string {
	w.Helper()
	return w.kubectl("get", "pods", "-n", "istio-system", "-l", "app=lazyxds", "-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}")
}

// versions tells the resource versions of all objects that LazyXDS keeps in the story's namespace.
func (w *world) versions() string {
	w.Helper()
	return w.kubectl("get", "sidecars,envoyfilters,workloadscopes", "-l", "app.kubernetes.io/managed-by=lazyxds",
		"-o", `jsonpath={range .items[*]}{.kind}/{.metadata.name}={.metadata.resourceVersion} {end}`)
}
