package e2e

import (
	"fmt"
	"testing"
)

// Workloads that no Service selects are lazy and learn like any other: a Deployment, a StatefulSet, a Job.
func TestClientsWithoutService(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), service("a", "srv", "http:8080"), service("b", "srv", "http:8080"), service("c", "srv", "http:8080"),
		client("deployed"), workload("StatefulSet", "stateful", "app: stateful", "lazyxds/shell", `command: [sleep, infinity]`))
	w.lazy("deployment/deployed", "statefulset/stateful")
	w.firstRequestFrom("deployed", "a")

	w.servedBy(w.request("statefulset/stateful", "http://b:8080"), "srv/v1")
	w.inScope("statefulset/stateful", w.namespace+"/"+w.fqdn("b"))

	w.apply(`
apiVersion: batch/v1
kind: Job
metadata: {name: batch}
spec:
  backoffLimit: 0
  template:
    metadata: {labels: {app: batch}}
    spec:
      restartPolicy: Never
      containers:
      - name: app
        image: lazyxds/shell
        command: [sh, -c, "while labapp load --url http://c:8080 --requests 1; do sleep 1; done"]
`)
	w.eventually("the Job's call to be learned", func() error {
		s, err := w.scope("job/batch")
		if err != nil {
			return err
		}
		for _, d := range s.Status.Dependencies {
			if d.Host == w.fqdn("c") && d.Source == "Observed" {
				return nil
			}
		}
		return fmt.Errorf("its scope has %+v", s.Status.Dependencies)
	})
}
