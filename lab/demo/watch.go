package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lazyxds/lazyxds/lab/cluster"
	"github.com/lazyxds/lazyxds/lab/measure"
)

// changeTimeout bounds the wait for a change to reach every part of the mesh.
const changeTimeout = time.Minute

// measure measures the sidecar of a Deployment when its scope is as expected. A scope that does not become so is
// measured as it is: the figures tell.
func (d *demo) measure(ctx context.Context, deployment string, expected func(Sidecar) bool) (Sidecar, error) {
	var last Sidecar
	var failed error
	target := cluster.Target{Namespace: lazyNamespace, Name: "deploy/" + deployment}
	err := d.lab.Wait(ctx, "the scope of "+deployment, changeTimeout, func(ctx context.Context) (bool, string) {
		result, err := measure.Pod(ctx, d.lab, target)
		if ctx.Err() != nil {
			return false, ""
		}
		last, failed = Sidecar{Services: result.Services, Bytes: result.Bytes, HeapBytes: result.HeapBytes}, err
		return err != nil || expected(last), fmt.Sprintf("%d services", last.Services)
	})
	if failed != nil {
		return Sidecar{}, failed
	}
	if err != nil && (ctx.Err() != nil || last.Services == 0) {
		return Sidecar{}, err
	}
	return last, nil
}

// waitLazy waits until every Deployment of the namespace is lazy.
func (d *demo) waitLazy(ctx context.Context) error {
	names, err := d.deployments(ctx, lazyNamespace)
	if err != nil {
		return err
	}
	for _, name := range names {
		err := d.lab.Wait(ctx, name+" to become lazy", changeTimeout, func(ctx context.Context) (bool, string) {
			ready, err := d.ready(ctx, name)
			if err != nil {
				return false, err.Error()
			}
			return ready.Status == "True" && ready.Reason == "Lazy", fmt.Sprintf("%s: %s", ready.Reason, ready.Message)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// condition is a condition of a WorkloadScope.
type condition struct{ Type, Status, Reason, Message string }

// ready reads the Ready condition of a Deployment's WorkloadScope.
func (d *demo) ready(ctx context.Context, deployment string) (condition, error) {
	path := fmt.Sprintf("/apis/lazyxds.io/v1alpha1/namespaces/%s/workloadscopes/deployment-%s", lazyNamespace, deployment)
	text, err := d.lab.Client().CoreV1().RESTClient().Get().AbsPath(path).DoRaw(ctx)
	if err != nil {
		return condition{}, fmt.Errorf("read the scope of %s: %w", deployment, err)
	}
	var scope struct {
		Status struct{ Conditions []condition }
	}
	if err := json.Unmarshal(text, &scope); err != nil {
		return condition{}, fmt.Errorf("read the scope of %s: %w", deployment, err)
	}
	for _, c := range scope.Status.Conditions {
		if c.Type == "Ready" {
			return c, nil
		}
	}
	return condition{}, errors.New("its scope has no Ready condition yet")
}
