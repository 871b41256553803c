// Package cluster starts, finds, breaks and stops labs: real Kubernetes control planes with a real Istio mesh, each in
// a network namespace of its own on one Linux machine.
//
// A lab is known by its name alone. What runs of it is found again by that name, from any process and after any crash:
// its folder is /run/lazylab/NAME, its node's network namespace lz-NAME, those of its pods lz-NAME-…, and every daemon
// carries the name in its environment. Nothing else on the machine is touched.
package cluster
