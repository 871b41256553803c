// Package mesh is the vocabulary of LazyXDS: workloads, services, routes and observations as plain values.
//
// Nothing here talks to anything: package watch fills a [Snapshot] from the API server, package accesslog
// makes [Observation] values from Envoy's access log, and packages deps and plan decide on both.
package mesh
