package convert_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

func TestPatterns(t *testing.T) {
	pod, _ := convert.Pod(load[corev1.Pod](t, `metadata: {name: web, annotations: {lazyxds.io/include: "a/x, b/y,,"}}`))
	for name, c := range map[string]struct{ got, want mesh.Patterns }{
		"Deployment and its template": {
			convert.Deployment(load[appsv1.Deployment](t, `
metadata: {annotations: {lazyxds.io/include: a/x, lazyxds.io/exclude: b/y}}
spec: {template: {metadata: {annotations: {lazyxds.io/include: "c/z"}}}}`)).Patterns,
			mesh.Patterns{Include: []string{"c/z", "a/x"}, Exclude: []string{"b/y"}},
		},
		"CronJob, its Jobs and their template": {
			convert.CronJob(load[batchv1.CronJob](t, `
metadata: {annotations: {lazyxds.io/exclude: a/x}}
spec: {jobTemplate: {metadata: {annotations: {lazyxds.io/exclude: b/y}}, spec: {template: {metadata: {annotations: {lazyxds.io/exclude: c/z}}}}}}`)).Patterns,
			mesh.Patterns{Exclude: []string{"c/z", "b/y", "a/x"}},
		},
		"Pod, once": {pod.Patterns, mesh.Patterns{Include: []string{"a/x", "b/y"}}},
	} {
		if diff := cmp.Diff(c.want, c.got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// A rule diverts since it was created, unless it observed first, or still does.
func TestDivertRuleTellsSinceWhen(t *testing.T) {
	created := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for annotations, want := range map[string]mesh.DivertRule{
		`{}`:                                {DivertsSince: created},
		`{lazyxds.io/diverts-since: never}`: {DivertsSince: created, Observes: true},
		`{lazyxds.io/diverts-since: "2026-01-02T05:00:00.5Z"}`: {DivertsSince: created.Add(1*time.Hour + 55*time.Minute + 55*time.Second + 500*time.Millisecond)},
		`{lazyxds.io/diverts-since: soon}`:                     {DivertsSince: created},
	} {
		got, err := convert.DivertRule(load[networkingv1alpha3.EnvoyFilter](t,
			`metadata: {creationTimestamp: "2026-01-02T03:04:05Z", annotations: `+annotations+`}`))
		if err != nil || got.Observes != want.Observes || !got.DivertsSince.Equal(want.DivertsSince) {
			t.Errorf("%s: %+v, %v, want %+v", annotations, got, err, want)
		}
	}
}
