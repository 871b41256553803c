package plan

import (
	"slices"
	"strings"
	"time"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// Clients dial a headless service by the addresses of its pods. Where those are diverted, the fallback catches that, and the
// egress, which knows every pod of the service, carries it. A divert rule comes to divert pods, and ceases to, so:
//
//	PodCIDRs | the rule's     | Sidecar has headless services | now
//	---------+----------------+-------------------------------+----------------------------------------
//	any      | none, others   | all                           | apply the rule
//	any      | same, < Settle | all                           | wait
//	any      | same           | all                           | narrow it to those in use
//	differ   | any            | those in use                  | widen it to all; the rule stays as it is

// podCIDRs are the ranges of pods' addresses to divert, as a divert rule tells them.
func podCIDRs(cfg Config) string {
	var out []string
	for _, prefix := range compactPrefixes(cfg.PodCIDRs) {
		out = append(out, prefix.String())
	}
	return strings.Join(out, ",")
}

// learnsHeadless tells whether the fallback gets what a workload sends to pods that are not in its scope. A Sidecar that is no
// older than the rule came to every proxy with it or after it.
func (w *world) learnsHeadless(c *candidate) bool {
	switch {
	case w.podCIDRs == "":
		return false
	case c.sidecar == nil || c.workload.WithSidecar == 0:
		return true
	case c.rule == nil || c.rule.PodCIDRs != w.podCIDRs:
		return false
	}
	// The API server cuts creation times down to the second.
	younger := !c.sidecar.Created.Add(time.Second).Before(c.rule.DivertsSince)
	return younger || !w.ruleSettled(c).After(w.now)
}

// needsPods tells whether a rule has to stay because it diverts pods that the next one does not, and that the Sidecar does not
// import yet.
func (w *world) needsPods(c *candidate, scope []ScopedHost) bool {
	if c.sidecar == nil || c.rule == nil || c.rule.PodCIDRs == "" || c.rule.PodCIDRs == w.podCIDRs {
		return false
	}
	return len(lacking(sidecarHosts(scope), importsOf(c.sidecar).hosts)) > 0
}

// pinned tells why a headless service is in scope of a namespace from the start although pods' addresses are diverted, if so.
func (w *world) pinned(s *mesh.Service, viewer string) (why string, ok bool) {
	var servers []*mesh.Workload
	for _, workload := range w.crowd(s.Namespace).selected(s.Selector) {
		if selects(s.Selector, workload.Labels) {
			servers = append(servers, workload)
		}
	}
	switch {
	case len(servers) == 0:
		return "it selects no workload, so whose addresses it has is not known", true
	case slices.ContainsFunc(servers, func(w *mesh.Workload) bool { return w.HostNetwork }):
		return "its pods have the addresses of their nodes", true
	case s.Namespace == viewer && slices.ContainsFunc(s.Ports, func(p mesh.Port) bool { return p.Protocol == mesh.HTTP }):
		// "db-0.db" is a pod of db here, and db-0 in the namespace db elsewhere. The egress has only the name to go by.
		return "HTTP clients in its namespace name its pods in a way that the egress cannot tell from others", true
	}
	return "", false
}
