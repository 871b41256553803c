// Package measure tells how much configuration istiod sends to the sidecar of a pod, and what that costs its Envoy.
//
// Envoy's own dump is rebuilt from what it understood, so its size is not what was sent. The package therefore asks
// istiod once more as that very sidecar, with the node Envoy identifies itself with, and counts the bytes of the
// answer. Envoy's dump then proves that it uses just these resources and has refused none.
package measure

import (
	"context"
	"fmt"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// Result is what one sidecar has to carry.
type Result struct {
	Pod string `json:"pod"`
	// Services is the number of different service hosts among the outbound clusters.
	Services  int   `json:"services"`
	Bytes     Count `json:"xdsBytes"`
	Resources Count `json:"xdsResources"`
	// HeapBytes is the memory Envoy has allocated.
	HeapBytes int64 `json:"envoyHeapBytes"`
}

// Count is a figure by type of resource. Inbound holds the clusters and the listener for traffic to the pod itself, which
// no scope changes; CDS and LDS leave them out. Total is the sum of all.
type Count struct {
	Total   int `json:"total"`
	CDS     int `json:"cds"`
	EDS     int `json:"eds"`
	LDS     int `json:"lds"`
	RDS     int `json:"rds"`
	Inbound int `json:"inbound"`
}

// settle bounds the wait for Envoy and istiod to agree: a push takes a second or two on a busy machine.
const settle = 20 * time.Second

// Pod measures the sidecar of a pod. It waits until Envoy has what istiod would send, and fails if that does not happen
// or Envoy has refused a resource.
func Pod(ctx context.Context, l *cluster.Lab, t cluster.Target) (Result, error) {
	t.Container = "istio-proxy"
	pod, err := l.Pod(ctx, t)
	if err != nil {
		return Result{}, err
	}
	t.Name = pod.Name
	admin := admin{lab: l, target: t}
	node, _, err := admin.config(ctx)
	if err != nil {
		return Result{}, fmt.Errorf("measure %s: %w", t, err)
	}
	var result, before Result
	err = l.Wait(ctx, "the sidecar of "+t.Name+" to have what istiod sends", settle, func(ctx context.Context) (bool, string) {
		var differences string
		result, differences, err = look(ctx, admin, node)
		if err != nil {
			return false, err.Error()
		}
		// What istiod would send a moment before it does is known by a second look.
		settled := differences == "" && result == before
		before = result
		return settled, differences
	})
	if err != nil {
		return Result{}, err
	}
	result.Pod = t.Namespace + "/" + t.Name
	if result.HeapBytes, err = admin.heap(ctx); err != nil {
		return Result{}, fmt.Errorf("measure %s: %w", t, err)
	}
	return result, nil
}

// look asks istiod, then Envoy, and says in which way Envoy does not have what istiod sends.
func look(ctx context.Context, a admin, node *corev3.Node) (Result, string, error) {
	sent, err := askIstiod(ctx, a.lab, node)
	if err != nil {
		return Result{}, "", err
	}
	result, err := count(sent)
	if err != nil {
		return Result{}, "", err
	}
	want, err := sent.names()
	if err != nil {
		return Result{}, "", err
	}
	_, have, err := a.config(ctx)
	if err != nil {
		return Result{}, "", err
	}
	return result, want.compare(have), nil
}
