package e2e

import (
	"testing"
)

// The annotation nearest to a workload decides: its own before that of a Service that selects it, that before its
// namespace's.
func TestEnrolment(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), client("own"), client("by-service"), client("neither"), client("against"),
		service("by-service", "by-service", "http:8080"), service("against", "against", "http:8080"))

	w.annotate("deployment/own", "true")
	w.annotate("service/by-service", "true")
	w.annotate("service/against", "true")
	w.annotate("deployment/against", "false")
	w.becomes("deployment/own", "True", "Lazy")
	w.becomes("deployment/by-service", "True", "Lazy")
	for _, full := range []string{"deployment/neither", "deployment/against", "deployment/srv-v1"} {
		if hosts := w.sidecarHosts(full); len(hosts) > 0 {
			t.Errorf("%s is narrowed to %v", full, hosts)
		}
	}

	w.annotate("service/by-service", "false")
	w.lazy("deployment/neither", "deployment/srv-v1")
	w.widened("deployment/by-service", "NotEnrolled")
	w.becomes("deployment/own", "True", "Lazy")
	if hosts := w.sidecarHosts("deployment/against"); len(hosts) > 0 {
		t.Errorf("the workload that opted out itself is narrowed to %v", hosts)
	}
}
