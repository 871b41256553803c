package e2e

import (
	"fmt"
	"slices"
	"testing"
)

// A service that is deleted leaves the scopes, and comes back as an unknown one.
func TestServiceDeleted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("kept", "srv", "http:8080"), service("deleted", "srv", "http:8080"), client("client"), client("control"))
	w.annotate("deployment/control", "false")
	w.lazy("deployment/client")
	w.firstRequest("kept", "http://kept:8080", "srv/v1")
	w.firstRequest("deleted", "http://deleted:8080", "srv/v1")

	w.kubectl("delete", "service", "deleted")
	w.eventually("the deleted service to leave the scope", func() error {
		if hosts := w.sidecarHosts("deployment/client"); slices.Contains(hosts, w.namespace+"/"+w.fqdn("deleted")) {
			return fmt.Errorf("the Sidecar has %v", hosts)
		}
		if d := w.observed("deployment/client", w.fqdn("deleted")); d != nil {
			return fmt.Errorf("the WorkloadScope has %+v", d)
		}
		return nil
	})
	if !slices.Contains(w.sidecarHosts("deployment/client"), w.namespace+"/"+w.fqdn("kept")) {
		t.Error("the other service left the scope too")
	}
	w.apply(service("deleted", "srv", "http:8080"))
	w.eventually("the mesh to know the new service", func() error {
		if r := w.request("deploy/control", "http://deleted:8080"); r.Failed > 0 {
			return fmt.Errorf("a workload in full scope gets %v", r.Errors)
		}
		return nil
	})
	w.firstRequest("deleted", "http://deleted:8080", "srv/v1")
}

// A pod's address goes over to another workload: what the first one called is not held against the second.
func TestAddressReused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("first", "srv", "http:8080"), service("second", "srv", "http:8080"), client("former"))
	w.lazy("deployment/former")
	address := w.kubectl("get", "pods", "-l", "app=former", "-o", "jsonpath={.items[0].status.podIP}")
	w.firstRequestFrom("former", "first")
	w.kubectl("delete", "deployment", "former", "--wait", "--cascade=foreground")

	w.apply(withAddress(address, client("latter")))
	w.ready()
	if got := w.kubectl("get", "pods", "-l", "app=latter", "-o", "jsonpath={.items[0].status.podIP}"); got != address {
		t.Fatalf("the new pod has %s, the story needs %s", got, address)
	}
	w.becomes("deployment/latter", "True", "Lazy")
	w.firstRequestFrom("latter", "second")
	if d := w.observed("deployment/latter", w.fqdn("first")); d != nil {
		t.Errorf("the new workload is said to call what the old one called: %+v", d)
	}
}
