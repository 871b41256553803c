package plan

import "time"

// stale tells whether the rule in the cluster is not the divert rule that it should be.
func (w *world) stale(c *candidate, rule spec) bool {
	return c.rule == nil || c.rule.Observes || !c.rule.WidenedAt.IsZero() || c.rule.PodCIDRs != w.podCIDRs || !rule.same(c.rule.Spec)
}

// settled is when the workload's proxies may be narrowed: what they do not know any more must have a way to go. Proxies that
// are narrow already, or not there yet, take both changes in their order.
func (w *world) settled(c *candidate) time.Time {
	if c.sidecar != nil || c.workload.WithSidecar == 0 {
		return w.now
	}
	return w.ruleSettled(c)
}

// ruleSettled is when every proxy of the workload diverts all that it should.
func (w *world) ruleSettled(c *candidate) time.Time {
	if c.rule == nil || c.rule.Observes || c.rule.PodCIDRs != w.podCIDRs {
		return w.now.Add(w.cfg.Settle)
	}
	// The API server cuts creation times down to the second.
	return c.rule.DivertsSince.Add(time.Second + w.cfg.Settle)
}
