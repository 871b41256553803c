package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// Jobs come in waves and each is lazy while it runs. Nothing of theirs stays: neither of those that have finished, nor of those
// that are deleted then.
func TestShortLivedJobs(t *testing.T) {
	w := newWorld(t, echo("srv", "v1"), service("srv", "srv", "http:8080"))
	w.lazy("deployment/srv-v1")
	job := func(wave, number int, spec string) string {
		return fmt.Sprintf(`
apiVersion: batch/v1
kind: Job
metadata: {name: job-%d-%d, labels: {wave: "%d"}}
spec:
  backoffLimit: 0%s
  template:
    metadata: {labels: {app: job}}
    spec:
      restartPolicy: Never
      containers: [{name: app, image: lazyxds/shell, command: [labapp, load, --url, "http://srv:8080", --requests, "3"]}]
`, wave, number, wave, spec)
	}
	start := func(wave int, spec string) {
		var jobs []string
		for number := range 10 {
			jobs = append(jobs, job(wave, number, spec))
		}
		w.apply(jobs...)
	}
	for wave := range 2 {
		start(wave, "")
		w.kubectl("wait", "job", "-l", fmt.Sprintf("wave=%d", wave), "--for=condition=complete", "--timeout", patience.String())
	}
	w.nothingOfJobs("those that have finished")

	start(2, "\n  ttlSecondsAfterFinished: 0")
	w.eventually("Jobs to be lazy", func() error {
		if !strings.Contains(strings.Join(w.ours(), " "), "/job-job-2-") {
			return fmt.Errorf("there is no scope of a Job")
		}
		return nil
	})
	w.kubectl("wait", "job", "-l", "wave=2", "--for=delete", "--timeout", patience.String())
	w.nothingOfJobs("those that are gone")
}

// nothingOfJobs waits until LazyXDS keeps no object for a Job.
func (w *world) nothingOfJobs(which string) {
	w.Helper()
	w.eventually("nothing to be left of Jobs: "+which, func() error {
		for _, object := range w.ours() {
			if strings.Contains(object, "job-job-") {
				return fmt.Errorf("%s is", object)
			}
		}
		return nil
	})
}
