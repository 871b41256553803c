// Package kubelet is a node of Kubernetes without containers: every pod is a network namespace with an address of its own, and
// every container a process in it.
//
// A container's root is an overlay of the host's, in a mount namespace that ends with it, with the pod's volumes bound where
// the pod wants them. Its image is an entry of a table, which names the program that plays it. The rest is as on a node: what
// a pod's status and events say, probes, hooks, restarts, logs, exec and port-forward. The work with the API server is
// virtual-kubelet's; the scheduler is in here, too, since there is but one node.
//
// Not modelled: resource limits, capabilities, seccomp, devices, persistent volumes, host ports beyond their scheduling,
// attach and ephemeral containers.
package kubelet
