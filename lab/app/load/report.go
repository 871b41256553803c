package load

import (
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// fallbackAccount ends the SPIFFE id of the fallback egress.
const fallbackAccount = "/sa/istio-egressgateway-lazyxds"

// maxReasons bounds the distinct reasons that a report counts by.
const maxReasons = 20

// Report is what a load came to.
type Report struct {
	URL      string         `json:"url"`
	Kind     string         `json:"kind"` // http, https, ws, wss, grpc or tcp
	Start    time.Time      `json:"start"`
	Seconds  float64        `json:"seconds"`
	Requests int            `json:"requests"`
	Failed   int            `json:"failed"`
	Errors   map[string]int `json:"errors"` // failed requests by reason
	Latency  Latency        `json:"latencyMillis"`
	Fallback Path           `json:"fallback"` // the server saw the egress
	Direct   Path           `json:"direct"`   // the server saw the client itself
	Unknown  Path           `json:"unknown"`  // the server saw no certificate, or cannot tell
	// FirstMillis is how long the very first request took, FirstPath how it went.
	FirstMillis float64 `json:"firstMillis"`
	FirstPath   string  `json:"firstPath,omitempty"`
	// TimeToDirectMillis is when the first direct answer was there, counted from the start; nil if none came.
	TimeToDirectMillis *float64 `json:"timeToDirectMillis"`
	// LastFallbackMillis is when the last answer through the fallback was there, counted from the start.
	LastFallbackMillis *float64       `json:"lastFallbackMillis"`
	Peers              map[string]int `json:"peers"`
	ServedBy           map[string]int `json:"servedBy"`
	// CutMillis is when a held connection was cut, each time counted from the start.
	CutMillis []float64 `json:"cutMillis,omitempty"`
}

// Path counts the answers that came one way.
type Path struct {
	Requests int     `json:"requests"`
	Latency  Latency `json:"latencyMillis"`
}

// Latency is a distribution in milliseconds; all zero when nothing was measured.
type Latency struct {
	Min float64 `json:"min"`
	P50 float64 `json:"p50"`
	P90 float64 `json:"p90"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// recorder gathers outcomes from concurrent requests.
type recorder struct {
	mu         sync.Mutex
	start      time.Time
	firstApart bool
	result     Report
	latencies  map[string][]time.Duration // by path
}

// The paths that an answer can have come.
const (
	PathFallback = "fallback" // the server saw the egress
	PathDirect   = "direct"   // the server saw the client itself
	PathUnknown  = "unknown"  // the server saw no certificate, or cannot tell
)

func newRecorder(firstApart bool, start time.Time) *recorder {
	return &recorder{start: start, firstApart: firstApart, latencies: map[string][]time.Duration{}, result: Report{
		Start: start, Errors: map[string]int{}, Peers: map[string]int{}, ServedBy: map[string]int{},
	}}
}

// add records request n.
func (r *recorder) add(n int, start, end time.Time, o Outcome) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Requests++
	path := pathOf(o.Peer)
	if n == 0 {
		r.result.FirstMillis = millis(end.Sub(start))
		if o.Err == "" {
			r.result.FirstPath = path
		}
	}
	if o.Err != "" {
		r.fail(o.Err)
		return
	}
	r.saw(o)
	r.count(path, end)
	if n > 0 || !r.firstApart {
		r.latencies[path] = append(r.latencies[path], end.Sub(start))
	}
}

func (r *recorder) fail(reason string) {
	r.result.Failed++
	if _, known := r.result.Errors[reason]; !known && len(r.result.Errors) >= maxReasons {
		reason = "other"
	}
	r.result.Errors[reason]++
}

// saw counts who answered and whom the server saw.
func (r *recorder) saw(o Outcome) {
	if o.Peer != "" {
		r.result.Peers[o.Peer]++
	}
	if o.ServedBy != "" {
		r.result.ServedBy[o.ServedBy]++
	}
}

func (r *recorder) count(path string, at time.Time) {
	since := millis(at.Sub(r.start))
	switch path {
	case PathFallback:
		r.result.Fallback.Requests++
		if last := r.result.LastFallbackMillis; last == nil || *last < since {
			r.result.LastFallbackMillis = &since
		}
	case PathDirect:
		r.result.Direct.Requests++
		if first := r.result.TimeToDirectMillis; first == nil || *first > since {
			r.result.TimeToDirectMillis = &since
		}
	default:
		r.result.Unknown.Requests++
	}
}

// cut notes when a held connection was cut.
func (r *recorder) cut(at time.Time) {
	r.result.CutMillis = append(r.result.CutMillis, millis(at.Sub(r.start)))
}

// report sums up; the recorder must not be used afterwards.
func (r *recorder) report(url, kind string, end time.Time) *Report {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.URL, r.result.Kind, r.result.Seconds = url, kind, round(end.Sub(r.start).Seconds())
	var all []time.Duration
	for _, latencies := range r.latencies {
		all = append(all, latencies...)
	}
	r.result.Latency = Distribution(all)
	r.result.Fallback.Latency = Distribution(r.latencies[PathFallback])
	r.result.Direct.Latency = Distribution(r.latencies[PathDirect])
	r.result.Unknown.Latency = Distribution(r.latencies[PathUnknown])
	return &r.result
}

func pathOf(peer string) string {
	switch {
	case peer == "":
		return PathUnknown
	case strings.HasSuffix(peer, fallbackAccount):
		return PathFallback
	default:
		return PathDirect
	}
}

// Distribution sums up latencies; it sorts them in place.
func Distribution(d []time.Duration) Latency {
	if len(d) == 0 {
		return Latency{}
	}
	slices.Sort(d)
	// The nearest rank: the smallest latency that at least this share of the requests did not exceed.
	rank := func(share float64) float64 {
		return millis(d[int(math.Ceil(share*float64(len(d))))-1])
	}
	return Latency{Min: millis(d[0]), P50: rank(0.5), P90: rank(0.9), P99: rank(0.99), Max: millis(d[len(d)-1])}
}

func millis(d time.Duration) float64 { return round(float64(d) / float64(time.Millisecond)) }

// round keeps three decimals: microseconds, where the unit is the millisecond.
func round(f float64) float64 { return math.Round(f*1000) / 1000 }
