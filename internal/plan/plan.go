package plan

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// WarmTime is long enough for istiod to have sent clusters and for proxies to have fetched their endpoints.
const WarmTime = time.Second

// Config is what an installation decides once for all workloads.
type Config struct {
	// RootNamespace is Istio's: a Sidecar without selector there is the default of the whole mesh.
	RootNamespace string
	// EgressNamespace is where the fallback egress runs.
	EgressNamespace string
	// ClusterDomain ends the names of Kubernetes Services: "cluster.local".
	ClusterDomain string
	// DivertedCIDRs are sent to the fallback egress beside the ranges that the cluster itself names.
	DivertedCIDRs []netip.Prefix
	// PodCIDRs are the ranges of pods' addresses. Where they are given, they are diverted too, and headless services are learned
	// instead of being in every scope.
	PodCIDRs []netip.Prefix
	// Settle is how long a change of a divert rule or a Sidecar is given to reach every proxy before the next step.
	Settle time.Duration
	// Drain is how long connections may go on whose way through the fallback ends, as on an egress replica that stops.
	Drain time.Duration
	// Warm is how long clusters are held before routes name them, and after.
	Warm time.Duration
	// GoneTTL is how long the scope of a vanished workload is kept, in case it comes back.
	GoneTTL time.Duration
	// FailurePolicy is what to do once the fallback has had no ready endpoint for PassthroughAfter; empty stands for Hold. With
	// Passthrough, it has to be ready for as long before workloads become lazy.
	FailurePolicy    FailurePolicy
	PassthroughAfter time.Duration
	// IdleTTL is how long a learned dependency may go unused where its WorkloadScope does not say; 0 for ever.
	IdleTTL time.Duration
	// Sampling is the percentage of HTTP requests that sidecars report, where they report.
	Sampling int
}

// Plan is what should be, and what to do to get there.
type Plan struct {
	// Workloads are all that are lazy, are meant to be, or have a WorkloadScope; sorted by key, then by scope name.
	Workloads []Workload
	// Changes are in order of execution. When one fails, later ones with the same Key have to wait for the next plan.
	Changes []Change
	// Again is when to plan anew even if nothing happens; zero for never.
	Again time.Time
	// Notices are worth telling people; the same ones come again with every plan as long as their cause lasts.
	Notices []Notice
}

// Verb tells what to do with an object.
type Verb string

// The verbs of a Change.
const (
	Apply  Verb = "apply" // create it, or make it look like this
	Delete Verb = "delete"
)

// Change is one write to the cluster. Exactly one of Sidecar, EnvoyFilter, Policy and Scope is set; to delete, it names the object
// and nothing else. A Scope is only ever created by a Change: its status is written from [Workload.Status].
type Change struct {
	Verb Verb
	Key  mesh.Key // of the object
	// Workload is whom it is for; zero for an object whose workload nobody knows any more.
	Workload    mesh.WorkloadKey
	Sidecar     *networkingv1.Sidecar
	EnvoyFilter *networkingv1alpha3.EnvoyFilter
	Policy      *securityv1.AuthorizationPolicy
	Scope       *v1alpha1.WorkloadScope
	// Why is the reason in a few words.
	Why string

	phase phase
}

// Kind is the kind of the object to change.
func (c Change) Kind() string {
	switch {
	case c.Sidecar != nil:
		return "Sidecar"
	case c.EnvoyFilter != nil:
		return "EnvoyFilter"
	case c.Policy != nil:
		return "AuthorizationPolicy"
	default:
		return "WorkloadScope"
	}
}

// phase orders the changes of different workloads: callers that must not get in first, then traffic that would be lost, then what somebody waits for.
type phase int

const (
	refuse      phase = iota // keep the fallback out
	widenNow                 // delete a Sidecar, or prepare that
	adjust                   // change the Sidecar of a workload that is narrow already
	createScope              // create a WorkloadScope
	divert                   // apply a divert rule
	narrow                   // apply a first Sidecar
	undivert                 // delete a divert rule
	release                  // let the fallback in again
	forget                   // delete a WorkloadScope
)

// NoticeType is the type of the Kubernetes Event a Notice becomes.
type NoticeType string

// The types of a Notice.
const (
	Normal  NoticeType = "Normal"
	Warning NoticeType = "Warning"
)

// Notice is something to tell people about an object.
type Notice struct {
	Kind, Namespace, Name string // the object it is about
	Type                  NoticeType
	Reason, Message       string
}

func (n Notice) compare(o Notice) int {
	return cmp.Or(cmp.Compare(n.Namespace, o.Namespace), cmp.Compare(n.Kind, o.Kind), cmp.Compare(n.Name, o.Name),
		cmp.Compare(n.Reason, o.Reason), cmp.Compare(n.Message, o.Message))
}

// Make plans.
func Make(s *mesh.Snapshot, cfg Config, now time.Time) Plan {
	w := newWorld(s, cfg, now)
	var p Plan
	w.refuseFallback(&p)
	all := candidates(w)
	takeTurns(all)
	for _, c := range all {
		w.step(&p, c)
		if c.scope != nil {
			w.wakeToForget(&p, c.scope)
			w.wakeToExpire(&p, c.scope)
		}
	}
	w.noteFallback()
	w.noteRanges()
	slices.SortStableFunc(p.Changes, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.phase, b.phase), a.Key.Compare(b.Key))
	})
	p.Notices = append(p.Notices, w.notices...)
	slices.SortFunc(p.Notices, Notice.compare)
	p.Notices = slices.Compact(p.Notices)
	return p
}

// wake asks for a plan at t unless an earlier one is due.
func (p *Plan) wake(t time.Time) {
	if p.Again.IsZero() || t.Before(p.Again) {
		p.Again = t
	}
}
