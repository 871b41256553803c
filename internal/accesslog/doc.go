// Package accesslog takes in Envoy's gRPC access log and reduces each entry to a [mesh.Observation].
//
// Parsing is pure and distrusts its input: whoever reaches the port may send anything. What an entry cannot tell is left
// out of the observation; an entry that cannot tell who called, or what was called, is a [Rejection].
package accesslog
