package e2e

import (
	"fmt"
	"testing"
)

// The controller is killed: nothing it learned is forgotten, nothing is written again, and no request fails. What it was
// not there to hear is taught by the next request.
func TestControllerRestart(t *testing.T) {
	w := newWorld(t, echo("srv", "v1"), service("known", "srv", "http:8080"), service("unheard", "srv", "http:8080"), client("client"))
	w.lazy("deployment/client")
	w.firstRequest("known", "http://known:8080", "srv/v1")
	load := w.send("deploy/client", "--url", "http://known:8080", "--rps", "20", "--duration", "0")
	w.written("deployment/client", 1)
	before := w.versions()

	w.killController()
	if after := w.versions(); after != before {
		t.Errorf("objects were written after the restart:\nbefore %s\nafter  %s", before, after)
	}

	w.scaleController(0)
	w.servedBy(w.request("deploy/client", "http://unheard:8080"), "srv/v1")
	w.scaleController(1)
	if d := w.observed("deployment/client", w.fqdn("unheard")); d != nil {
		t.Fatalf("learned %+v, though the controller was not there to hear of it", d)
	}
	w.eventually("a later request to teach it", func() error {
		w.servedBy(w.request("deploy/client", "http://unheard:8080"), "srv/v1")
		return w.learned(map[string][]string{"deployment/client": {"unheard"}})
	})
	w.noFailure("load across restarts", load.stop())
}

// written waits until a workload's scope says that it learned so many services, which is the last thing to be written.
func (w *world) written(workload string, learned int) {
	w.Helper()
	w.eventually("the scope of "+workload+" to be written", func() error {
		if s, err := w.scope(workload); err != nil || s.Status.Learned != learned {
			return fmt.Errorf("it says %d: %w", s.Status.Learned, err)
		}
		return nil
	})
}
