package controller

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/events"

	"github.com/lazyxds/lazyxds/internal/plan"
)

func TestANoticeBecomesOneEvent(t *testing.T) {
	recorder := events.NewFakeRecorder(2 * eventBurst)
	e := NewEvents(recorder, func(kind, namespace, name string) *corev1.ObjectReference {
		return &corev1.ObjectReference{Kind: kind, Namespace: namespace, Name: name}
	})
	told := func() []string {
		var out []string
		for len(recorder.Events) > 0 {
			out = append(out, <-recorder.Events)
		}
		return out
	}
	lasting := plan.Notice{Kind: "Namespace", Name: "demo", Type: plan.Warning, Reason: "InvalidMode", Message: `100% "maybe"`}
	passing := plan.Notice{Kind: "Deployment", Namespace: "demo", Name: "web", Type: plan.Normal, Reason: "LazyEnabled", Message: "2 services"}
	steps := []struct {
		notices []plan.Notice
		want    []string
	}{
		{[]plan.Notice{lasting}, []string{`Warning InvalidMode 100% "maybe"`}},
		{[]plan.Notice{lasting, passing}, []string{"Normal LazyEnabled 2 services"}},
		{[]plan.Notice{lasting}, nil},
		{nil, nil},
		{[]plan.Notice{lasting}, []string{`Warning InvalidMode 100% "maybe"`}}, // it had stopped
	}
	for i, step := range steps {
		e.Tell(step.notices)
		if diff := cmp.Diff(step.want, told()); diff != "" {
			t.Errorf("step %d: unexpected events (-want +got):\n%s", i, diff)
		}
	}
}
