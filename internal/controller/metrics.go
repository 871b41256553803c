package controller

import (
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
	"github.com/lazyxds/lazyxds/internal/version"
)

// forgetLearned is how long a lesson may take to reach a Sidecar before it is no longer timed: another replica leads,
// or the workload is only observed.
const forgetLearned = 10 * time.Minute

// Metrics counts what the controller does. Labels name namespaces at most: workloads and services would be too many.
type Metrics struct {
	edges      *prometheus.GaugeVec
	workloads  *prometheus.GaugeVec
	conflicts  *prometheus.GaugeVec
	egress     *prometheus.GaugeVec
	learned    prometheus.Counter
	expired    *prometheus.CounterVec
	applies    *prometheus.CounterVec
	unresolved *prometheus.CounterVec
	duration   prometheus.Histogram

	mu sync.Mutex
	// waiting are the lessons not yet seen in a Sidecar, the first one of each workload.
	waiting map[mesh.WorkloadKey]lesson
}

type lesson struct {
	host string
	at   time.Time
}

// The values of the label "result".
const (
	resultOK    = "ok"
	resultError = "error"
)

// The values of the label "reason" of dropped dependencies.
const (
	reasonUnused = "unused"
	reasonGone   = "gone"
)

// conflictReasons are those of a Ready condition that tell of somebody else's claim on the workload's pods.
var conflictReasons = map[string]bool{"ForeignSidecar": true, "SharedSelector": true}

// NewMetrics makes the metrics and registers them.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	gauge := func(name, help string, labels ...string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "lazyxds", Name: name, Help: help}, labels)
	}
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: "lazyxds", Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "lazyxds", Name: name, Help: help}, labels)
	}
	m := &Metrics{
		edges:     gauge("edges", "Learned dependencies of lazy workloads, by the workloads' namespace.", "namespace"),
		workloads: gauge("workloads", "Workloads with a WorkloadScope, by the reason of its Ready condition.", "namespace", "state"),
		conflicts: gauge("conflicts", "Enrolled workloads that stay in full scope because a Sidecar not managed by LazyXDS, "+
			"or another workload, selects the same pods.", "namespace"),
		egress:  gauge("egress_endpoints", "Ready endpoints of the fallback egress. Only the leader tells."),
		learned: counter("edges_learned_total", "Dependencies learned from the access log."),
		expired: counters("edges_expired_total", "Learned dependencies dropped, by reason: unused for idleTTL, or the service is gone.", "reason"),
		applies: counters("sidecar_applies_total", "Sidecars written, by result.", "result"),
		unresolved: counters("unresolved_total",
			"Observations that taught nothing, by reason. A few are normal: calls of services that no longer exist, or of none.", "reason"),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: "lazyxds", Name: "learn_duration_seconds",
			Help: "Time from the first access-log entry that told of a dependency until a Sidecar with a route to it was written. " +
				"Only the leader knows it, of entries it received itself.",
			Buckets: []float64{.025, .05, .1, .2, .3, .5, .75, 1, 2, 5, 10, 30, 60},
		}),
		waiting: map[mesh.WorkloadKey]lesson{},
	}
	for _, result := range []string{resultOK, resultError} {
		m.applies.WithLabelValues(result)
	}
	for _, reason := range []string{reasonUnused, reasonGone} {
		m.expired.WithLabelValues(reason)
	}
	info := version.Get()
	build := gauge("build_info", "What the controller was built from; always 1.", "version", "revision", "goversion")
	build.WithLabelValues(info.Version, info.Revision, info.Go).Set(1)
	reg.MustRegister(build, m.edges, m.workloads, m.conflicts, m.egress, m.learned, m.expired, m.applies, m.unresolved, m.duration)
	return m
}

// observe sets what the gauges show to the state of a plan.
func (m *Metrics) observe(s *mesh.Snapshot, p plan.Plan) {
	m.edges.Reset()
	for i := range s.Scopes {
		m.edges.WithLabelValues(s.Scopes[i].Namespace).Add(float64(len(s.Scopes[i].Dependencies)))
	}
	m.egress.WithLabelValues().Set(float64(s.Egress.Ready))
	m.workloads.Reset()
	m.conflicts.Reset()
	for i := range p.Workloads {
		w := &p.Workloads[i]
		m.workloads.WithLabelValues(w.Key.Namespace, w.Ready.Reason).Inc()
		if conflictReasons[w.Ready.Reason] {
			m.conflicts.WithLabelValues(w.Key.Namespace).Inc()
		}
	}
}

// merged counts what was learned of a workload.
func (m *Metrics) merged(workload mesh.WorkloadKey, hosts []string, first time.Time) {
	m.learned.Add(float64(len(hosts)))
	if len(hosts) == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if known, ok := m.waiting[workload]; !ok || first.Sub(known.at) > forgetLearned {
		m.waiting[workload] = lesson{host: hosts[0], at: first}
	}
}

// applied counts the Sidecars written, and times the lessons they came from.
func (m *Metrics) applied(c plan.Change, err error, now time.Time) {
	if c.Sidecar == nil || c.Verb != plan.Apply {
		return
	}
	if err != nil {
		m.applies.WithLabelValues(resultError).Inc()
		return
	}
	m.applies.WithLabelValues(resultOK).Inc()
	m.mu.Lock()
	defer m.mu.Unlock()
	lesson, ok := m.waiting[c.Workload]
	if !ok {
		return
	}
	if now.Sub(lesson.at) > forgetLearned {
		delete(m.waiting, c.Workload)
		return
	}
	for _, egress := range c.Sidecar.Spec.Egress {
		if egress.GetPort().GetName() == convert.WarmListener {
			continue // no route leads there yet
		}
		for _, host := range egress.GetHosts() {
			if strings.HasSuffix(host, "/"+lesson.host) {
				m.duration.Observe(now.Sub(lesson.at).Seconds())
				delete(m.waiting, c.Workload)
				return
			}
		}
	}
}

// dropped counts the learned dependencies that a rewrite of the status dropped.
func (m *Metrics) dropped(unused, gone int) {
	m.expired.WithLabelValues(reasonUnused).Add(float64(unused))
	m.expired.WithLabelValues(reasonGone).Add(float64(gone))
}
