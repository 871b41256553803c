package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
)

// target names a workload the way kubectl users do: "deploy/reviews-v1", or its bare name for every kind.
type target struct {
	kind string // empty for every kind
	name string
}

func (t target) String() string {
	if t.kind == "" {
		return t.name
	}
	return t.kind + "/" + t.name
}

// kinds maps what users type to the kinds of workloads that have short names.
var kinds = map[string]string{
	"deployment": "Deployment", "deployments": "Deployment", "deploy": "Deployment",
	"statefulset": "StatefulSet", "statefulsets": "StatefulSet", "sts": "StatefulSet",
	"daemonset": "DaemonSet", "daemonsets": "DaemonSet", "ds": "DaemonSet",
	"cronjob": "CronJob", "cronjobs": "CronJob", "cj": "CronJob",
	"job": "Job", "jobs": "Job",
	"replicaset": "ReplicaSet", "replicasets": "ReplicaSet", "rs": "ReplicaSet",
	"pod": "Pod", "pods": "Pod", "po": "Pod",
}

func parseTargets(args []string) ([]target, error) {
	var targets []target
	for _, arg := range args {
		kind, name, found := strings.Cut(arg, "/")
		if !found {
			targets = append(targets, target{name: arg})
			continue
		}
		if known, ok := kinds[strings.ToLower(strings.TrimSuffix(kind, ".apps"))]; ok {
			kind = known
		}
		if name == "" {
			return nil, fmt.Errorf("%q names no workload: write KIND/NAME", arg)
		}
		targets = append(targets, target{kind: kind, name: name})
	}
	return targets, nil
}

// selectTargets keeps the scopes of the targets, or all if there are no targets. A target without a scope is an error.
func selectTargets(scopes *v1alpha1.WorkloadScopeList, targets []target) error {
	if len(targets) == 0 {
		return nil
	}
	matches := func(s v1alpha1.WorkloadScope, t target) bool {
		return s.Spec.Workload.Name == t.name && (t.kind == "" || strings.EqualFold(s.Spec.Workload.Kind, t.kind))
	}
	for _, t := range targets {
		if !slices.ContainsFunc(scopes.Items, func(s v1alpha1.WorkloadScope) bool { return matches(s, t) }) {
			return fmt.Errorf("%s has no WorkloadScope here: it is not lazy, or does not exist", t)
		}
	}
	scopes.Items = slices.DeleteFunc(scopes.Items, func(s v1alpha1.WorkloadScope) bool {
		return !slices.ContainsFunc(targets, func(t target) bool { return matches(s, t) })
	})
	return nil
}
