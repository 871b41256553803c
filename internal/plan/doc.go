// Package plan decides, from one snapshot of the mesh, which workloads are lazy, what is in their scope and why, and what
// has to change in the cluster.
//
// It is stateless and idempotent: no client, clock or logger, the time is a parameter, and equal inputs in any order give
// equal plans. What has to be remembered between two plans is kept in the objects themselves: what was learned in the
// WorkloadScope, when a divert rule came into being in its creation time, when a workload was widened and since when a
// Sidecar warms clusters in annotations.
//
// The way through it: [Make] gathers a candidate for each workload, enrol.go tells who wants to be lazy, rules.go who
// cannot be, fallback.go who must not be now, sources.go and closure.go what is in scope, policy.go where the fallback must be
// refused, transition.go which objects follow from that and in which order, and warm.go in which steps a Sidecar changes.
package plan
