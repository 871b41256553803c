package deps

import (
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
)

const (
	// ReportEvery is how often a sidecar reports a connection or a request that goes on.
	ReportEvery = 15 * time.Second
	// MinIdleTTL is the shortest idleTTL there may be. A sidecar whose only sign of life is one open connection has to be heard
	// within half of it, with what it takes to write that down.
	MinIdleTTL = 4 * ReportEvery
)

// A learned dependency expires for want of use, and calls that go directly are only seen where the workload's own sidecars
// report them. So silence about one service counts only while the sidecars are heard about others:
//
//	the workload's sidecars             | the clock of its dependencies
//	------------------------------------+------------------------------------------------------------------------------
//	were never heard                    | stands
//	are heard for the first time        | starts, whatever lastSeen says
//	are heard at least every idleTTL/3  | runs: a dependency goes idleTTL after it was last seen
//	are silent for idleTTL/2            | stands: they may be idle, cut off, or the controller was down; nothing goes
//	are heard again after that          | starts anew
//
// Thus no outage, however long, makes a dependency expire that is called at least every idleTTL/2.

// precision is how exactly times of use are written down: often enough to go by, and seldom enough that a busy workload costs a
// few writes an idleTTL, or one an hour. The API keeps whole seconds.
func precision(e *v1alpha1.Expiry) time.Duration {
	if e == nil {
		return time.Hour
	}
	return max(time.Second, min(time.Hour, (e.IdleTTL.Duration/8).Truncate(time.Second)))
}

// silent tells whether the workload's sidecars have not been heard for so long that the clock stands.
func silent(e *v1alpha1.Expiry, now time.Time) bool {
	return e.LastReport == nil || now.Sub(e.LastReport.Time) > e.IdleTTL.Duration/2
}

// heard tells whether a report at that time would change nothing in what is known of the workload's sidecars.
func heard(e *v1alpha1.Expiry, at time.Time) bool {
	return e == nil || e.LastReport != nil && !e.LastReport.Time.Before(at.Truncate(precision(e)))
}

// hear returns the expiry with a report noted in it. The original may belong to a cache.
func hear(e *v1alpha1.Expiry, at time.Time) *v1alpha1.Expiry {
	out := e.DeepCopy()
	if silent(e, at) {
		out.ReportsSince = seconds(at)
	}
	out.LastReport = &metav1.Time{Time: at.UTC().Truncate(precision(e))}
	return out
}

// expiresAt is when a dependency expires unless a call is seen; nil for never. The last call may have been up to a precision
// after what lastSeen says.
func expiresAt(d v1alpha1.Dependency, e *v1alpha1.Expiry) *metav1.Time {
	if e == nil || e.ReportsSince == nil || d.Source != v1alpha1.SourceObserved || d.LastSeen == nil {
		return nil
	}
	idleSince := later(d.LastSeen.Add(precision(e)), e.ReportsSince.Time)
	return &metav1.Time{Time: idleSince.Add(e.IdleTTL.Duration)}
}

// Date writes into each dependency of the status when it expires, as the status's own Expiry has it.
func Date(status *v1alpha1.WorkloadScopeStatus) {
	for i := range status.Dependencies {
		d := &status.Dependencies[i]
		d.ExpiresAt = expiresAt(*d, status.Expiry)
	}
}

// Expired tells whether a dependency of a status, as Date left it, went unused for so long that it has to go.
func Expired(d v1alpha1.Dependency, e *v1alpha1.Expiry, now time.Time) bool {
	return e != nil && d.ExpiresAt != nil && !now.Before(d.ExpiresAt.Time) && !silent(e, now)
}

// Dropped lists the learned dependencies that a status had before and has not after: those unused until they expired, and
// those whose service is gone.
func Dropped(before, after v1alpha1.WorkloadScopeStatus, now time.Time) (unused, gone []string) {
	kept := make(map[string]bool, len(after.Dependencies))
	for i := range after.Dependencies {
		kept[after.Dependencies[i].Host] = true
	}
	for i := range before.Dependencies {
		d := &before.Dependencies[i]
		switch {
		case d.Source != v1alpha1.SourceObserved || kept[d.Host]:
		case Expired(*d, before.Expiry, now):
			unused = append(unused, d.Host)
		default:
			gone = append(gone, d.Host)
		}
	}
	return unused, gone
}
