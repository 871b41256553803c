package controller

import (
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	networkingapi "istio.io/api/networking/v1alpha3"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"

	"github.com/lazyxds/lazyxds/internal/accesslog"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
)

var web = mesh.WorkloadKey{Namespace: "demo", Kind: "Deployment", Name: "web"}

func TestMetricNamesFollowTheConventions(t *testing.T) {
	reg := prometheus.NewRegistry()
	m := NewMetrics(reg)
	accesslog.NewMetrics(reg)
	m.unresolved.WithLabelValues("unknown_source").Inc()
	if n := testutil.CollectAndCount(m.egress); n != 0 {
		t.Error("a replica that has not planned tells how many egress endpoints there are")
	}
	m.observe(&mesh.Snapshot{Scopes: []mesh.Scope{{Key: mesh.Key{Namespace: "demo"}}}, Egress: mesh.Egress{Ready: 2}}, plan.Plan{Workloads: []plan.Workload{
		{Key: web, Ready: plan.Condition{Reason: "ForeignSidecar"}},
	}})
	problems, err := testutil.GatherAndLint(reg)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if got := testutil.ToFloat64(m.egress); got != 2 {
		t.Errorf("egress endpoints = %v, want 2", got)
	}
	if got := testutil.ToFloat64(m.conflicts.WithLabelValues("demo")); got != 1 {
		t.Errorf("conflicts = %v, want 1", got)
	}
}

func sidecarChange(hosts ...string) plan.Change {
	sidecar := &networkingv1.Sidecar{Spec: networkingapi.Sidecar{Egress: []*networkingapi.IstioEgressListener{{Hosts: hosts}}}}
	return plan.Change{Verb: plan.Apply, Workload: web, Sidecar: sidecar}
}

func TestLearningIsTimedUntilTheSidecarHasTheHost(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m := NewMetrics(prometheus.NewRegistry())
	m.merged(web, []string{"reviews", "ratings"}, start)
	m.applied(sidecarChange("demo/details"), nil, start.Add(time.Second))
	m.applied(sidecarChange("demo/reviews"), errors.New("refused"), start.Add(time.Second))
	if got := samples(t, m.duration); got != 0 {
		t.Errorf("%d lessons timed before a Sidecar had one", got)
	}
	m.applied(sidecarChange("demo/details", "demo/reviews"), nil, start.Add(2*time.Second))
	m.applied(sidecarChange("demo/details", "demo/reviews"), nil, start.Add(3*time.Second))
	if got := samples(t, m.duration); got != 1 {
		t.Errorf("%d lessons timed, want 1", got)
	}
	ok, failed := testutil.ToFloat64(m.applies.WithLabelValues(resultOK)), testutil.ToFloat64(m.applies.WithLabelValues(resultError))
	if ok != 3 || failed != 1 {
		t.Errorf("%v applied and %v failed, want 3 and 1", ok, failed)
	}
}

// samples is the number of values a histogram was given.
func samples(t *testing.T, c prometheus.Collector) uint64 {
	t.Helper()
	reg := prometheus.NewRegistry()
	reg.MustRegister(c)
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	return families[0].GetMetric()[0].GetHistogram().GetSampleCount()
}
