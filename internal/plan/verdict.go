package plan

import (
	"fmt"
	"time"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

// verdict is what is to become of a workload, before looking at what the cluster holds.
type verdict struct {
	enrolled bool      // somebody wants it lazy or observed
	mode     mode      // what it is to be, full if something speaks against it
	ready    Condition // unless it is to be lazy
	// reports tells that its sidecars report what it calls, and idleTTL for how long it may then not call something; 0 for ever.
	reports bool
	idleTTL time.Duration
}

func (w *world) judge(p *Plan, c *candidate) verdict {
	if c.workload == nil {
		return verdict{ready: Condition{false, convert.ReasonWorkloadGone, missing(c.key)}}
	}
	wish := w.wanted(c)
	if wish.mode == full {
		message := "no lazy-xds annotation enrols it"
		if wish.by != "" {
			message = wish.by + " opts out"
		}
		return verdict{ready: Condition{false, "NotEnrolled", message}}
	}
	found, ok := w.obstacle(c)
	switch {
	case ok:
	case wish.mode == observe:
		found, ok = w.unobservable(c)
	case wish.mode == lazy:
		found, ok = w.passthrough(p, c)
	}
	if ok {
		w.noteObstacle(c, found)
		return verdict{enrolled: true, ready: Condition{false, found.reason, found.message}}
	}
	out := verdict{enrolled: true, mode: wish.mode}
	switch wish.mode {
	case lazy:
		out.reports, out.idleTTL = w.reports(c)
	case observe:
		out.reports = true
		out.ready = Condition{false, "Observing", wish.by + " has it observed: it keeps the full scope, and its own sidecars report what it calls"}
	}
	return out
}

func missing(key mesh.WorkloadKey) string {
	if key.IsZero() {
		return "its workload is gone"
	}
	return fmt.Sprintf("there is no %s %s", key.Kind, key.Name)
}
