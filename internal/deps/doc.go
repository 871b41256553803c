// Package deps decides who depends on what: it turns observations into lessons, paces them, and merges them into the
// durable scope of the workload they are about.
//
// It is pure: what it needs to know of the cluster comes in as values, time included.
package deps
