package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// Two controllers take access logs, one of them leads. The leader hangs and dies while many services are learned: within 20 s another one leads, no request fails, what
// anybody had recorded or hears from then on comes into scope by itself, a later request teaches the rest, and no Sidecar is written twice.
func TestTwoControllers(t *testing.T) {
	clients := []string{"one", "two"}
	documents := []string{echo("srv", "v1"), client("one"), client("two")}
	var services []string
	for i := range 24 {
		services = append(services, fmt.Sprintf("s%02d", i))
		documents = append(documents, service(services[i], "srv", "http:8080"))
	}
	dying, later, afterwards := services[:8], services[8:16], services[16:]
	w := newWorld(t, documents...)
	w.twoControllers()
	w.lazy("deployment/one", "deployment/two")
	sidecars := w.watchSidecars()
	call := func(services ...string) {
		for _, service := range services {
			for _, client := range clients {
				w.noFailure(client+" calls "+service, w.request("deploy/"+client, "http://"+service+":8080"))
			}
		}
	}

	first := w.leader()
	call(dying...)
	w.must(w.lab.SignalContainer(w.ctx, first, syscall.SIGSTOP))
	died := time.Now()
	call(later[0])
	w.kubectl("delete", "-n", "istio-system", first.Name, "--force", "--grace-period=0", "--wait=false")
	call(later[1:]...)
	w.must(w.lab.Wait(w.ctx, "another controller to lead", 20*time.Second-time.Since(died), errorFree(func() error {
		leader := w.leader()
		if leader == first {
			return fmt.Errorf("%s holds the Lease", leader)
		}
		_, err := w.metricOf(leader, fmt.Sprintf(`lazyxds_workloads{namespace=%q,state="Lazy"}`, w.namespace))
		return err
	})))
	t.Logf("another controller led after %s", time.Since(died).Round(100*time.Millisecond))
	call(afterwards...)
	w.eventually("what was called afterwards to be in scope", func() error { return w.missing(clients, afterwards) })
	lost := 0
	for _, client := range clients {
		scope, err := w.scope("deployment/" + client)
		w.must(err)
		recorded := slices.DeleteFunc(slices.Clone(services), func(service string) bool { return !scope.records(w.fqdn(service)) })
		lost += len(services) - len(recorded)
		w.eventually("what anybody recorded to be in scope", func() error { return w.missing([]string{client}, recorded) })
	}
	t.Logf("lost with the leader, and asked for again: %d of %d", lost, len(services)*len(clients))
	w.eventually("every service to be in scope, if need be by a later request", func() error {
		err := w.missing(clients, services)
		if m, ok := errors.AsType[missing](err); ok {
			w.noFailure("a later request", w.request("deploy/"+m.client, "http://"+m.service+":8080"))
		}
		return err
	})
	call(services...)
	sidecars()
}

// twoControllers runs a second controller for as long as the story lasts.
func (w *world) twoControllers() {
	w.Helper()
	scale := func(ctx context.Context, replicas string) {
		for _, args := range [][]string{
			{"scale", "deployment/lazyxds", "--replicas", replicas},
			{"rollout", "status", "deployment/lazyxds", "--timeout", patience.String()},
		} {
			if _, err := w.lab.Kubectl(ctx, "", append(args, "-n", "istio-system")...); err != nil {
				w.Fatal(err)
			}
		}
	}
	w.Cleanup(func() { scale(context.Background(), "1") })
	scale(w.ctx, "2")
}

// leader is the controller that holds the Lease.
func (w *world) leader() cluster.Target {
	w.Helper()
	holder := w.kubectl("get", "lease", "lazyxds", "-n", "istio-system", "-o", "jsonpath={.spec.holderIdentity}")
	return cluster.Target{Namespace: "istio-system", Name: "pod/" + holder}
}

// missing tells of a client whose Sidecar does not have a service.
type missing struct{ client, service string }

func (m missing) Error() string { return m.service + " is not in the scope of " + m.client }

// missing finds a service that is not in the scope of a client, and is nil where there is none.
func (w *world) missing(clients, services []string) error {
	w.Helper()
	for _, client := range clients {
		hosts := w.sidecarHosts("deployment/" + client)
		for _, service := range services {
			if !slices.Contains(hosts, w.namespace+"/"+w.fqdn(service)) {
				return missing{client, service}
			}
		}
	}
	return nil
}

// watchSidecars records the versions of the story's Sidecars. The function that it returns ends that, and fails the story if
// a version says the same as an earlier one.
func (w *world) watchSidecars() func() {
	w.Helper()
	ctx, cancel := context.WithCancel(w.ctx)
	var out bytes.Buffer
	watch := w.lab.KubectlCommand(ctx, "get", "sidecars", "-n", w.namespace, "--watch", "-o", "json")
	watch.Stdout = &out
	w.must(watch.Start())
	return func() {
		w.Helper()
		cancel()
		_ = watch.Wait() // it was killed
		versions := map[string][]string{}
		for decoder := json.NewDecoder(&out); ; {
			var sidecar struct {
				Metadata struct{ Name, ResourceVersion string }
				Spec     json.RawMessage
			}
			if err := decoder.Decode(&sidecar); err != nil {
				if !errors.Is(err, io.EOF) {
					w.Errorf("read the Sidecars' versions: %v", err)
				}
				break
			}
			name := sidecar.Metadata.Name
			if slices.Contains(versions[name], string(sidecar.Spec)) {
				w.Errorf("Sidecar %s: version %s says what an earlier one did", name, sidecar.Metadata.ResourceVersion)
			}
			versions[name] = append(versions[name], string(sidecar.Spec))
		}
		for name, specs := range versions {
			w.Logf("Sidecar %s: %d versions", name, len(specs))
		}
		if len(versions) == 0 {
			w.Error("no version of any Sidecar was seen")
		}
	}
}
