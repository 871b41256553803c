package accesslog

import "github.com/prometheus/client_golang/prometheus"

// The protocols an entry may be about, as label values.
const (
	protocolHTTP = "http"
	protocolTCP  = "tcp"
)

const (
	resultAccepted  = "accepted"
	dropQueueFull   = "queue_full"
	metricNamespace = "lazyxds"
	metricSubsystem = "als"
)

// Metrics counts what the access-log server takes in.
type Metrics struct {
	streams prometheus.Gauge
	entries *prometheus.CounterVec
	dropped *prometheus.CounterVec
	lag     prometheus.Histogram
}

// NewMetrics makes the metrics and registers them, every series at zero, so that a rate over them has a beginning.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	m := &Metrics{
		streams: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: metricNamespace, Subsystem: metricSubsystem, Name: "streams",
			Help: "Access-log streams open now; a fallback egress replica has one for HTTP and one for TCP per worker thread.",
		}),
		entries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricNamespace, Subsystem: metricSubsystem, Name: "entries_total",
			Help: "Access-log entries received, by protocol and by what became of them: accepted, or the reason for rejecting them.",
		}, []string{"protocol", "result"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: metricNamespace, Subsystem: metricSubsystem, Name: "dropped_total",
			Help: "Good entries that were dropped, by reason. Nothing is lost: the next request through the fallback teaches the same.",
		}, []string{"reason"}),
		lag: prometheus.NewHistogram(prometheus.HistogramOpts{
			Namespace: metricNamespace, Subsystem: metricSubsystem, Name: "entry_lag_seconds",
			Help:    "Time from the event an entry reports to its arrival, by the clocks of both sides.",
			Buckets: []float64{.01, .025, .05, .1, .15, .25, .5, 1, 2.5, 5, 15, 60},
		}),
	}
	for _, protocol := range []string{protocolHTTP, protocolTCP} {
		m.entries.WithLabelValues(protocol, resultAccepted)
		for _, reason := range Reasons {
			m.entries.WithLabelValues(protocol, string(reason))
		}
	}
	m.dropped.WithLabelValues(dropQueueFull)
	reg.MustRegister(m.streams, m.entries, m.dropped, m.lag)
	return m
}
