package deps

import (
	"slices"
	"time"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// skew is how far the clocks of the egress's node and the API server may differ before a lesson goes to waste.
const skew = 2 * time.Second

// tenant returns the workload that held an address at a time, or the reason why that is not certain:
//
//	pods that had the address      held it then             within skew of it
//	none                           unknown_source           unknown_source
//	of one workload                it                       it
//	of several workloads           the only one, else       address_reused
//	                               address_reused
//
// A pod counts as holding its address from its creation on, although it gets it a little later: two tenancies may overlap.
func tenant(tenancies []mesh.Tenancy, at time.Time) (mesh.WorkloadKey, Reason) {
	if len(tenancies) == 0 {
		return mesh.WorkloadKey{}, UnknownSource
	}
	tolerance := skew
	if slices.ContainsFunc(tenancies, func(t mesh.Tenancy) bool { return t.Workload != tenancies[0].Workload }) {
		tolerance = 0
	}
	var holder mesh.WorkloadKey
	for _, t := range tenancies {
		if !held(t, at, tolerance) {
			continue
		}
		if !holder.IsZero() && holder != t.Workload {
			return mesh.WorkloadKey{}, AddressReused
		}
		holder = t.Workload
	}
	if holder.IsZero() {
		return mesh.WorkloadKey{}, AddressReused
	}
	return holder, ""
}

func held(t mesh.Tenancy, at time.Time, tolerance time.Duration) bool {
	if at.Before(t.From.Add(-tolerance)) {
		return false
	}
	return t.Until.IsZero() || !at.After(t.Until.Add(tolerance))
}
