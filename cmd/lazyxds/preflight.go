package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"

	"github.com/lazyxds/lazyxds/internal/watch"
)

const (
	minBackoff = time.Second
	maxBackoff = 30 * time.Second
)

// api is a group and version whose resources must be served.
type api struct {
	groupVersion string
	resources    []string
	install      string // what to do where they are not
}

var neededAPIs = []api{
	{
		groupVersion: "networking.istio.io/v1",
		resources:    []string{"sidecars", "virtualservices", "destinationrules", "serviceentries"},
		install:      "install Istio 1.29 or newer (its base chart brings the CRDs)",
	},
	{
		groupVersion: "networking.istio.io/v1alpha3",
		resources:    []string{"envoyfilters"},
		install:      "install Istio 1.29 or newer (its base chart brings the CRDs)",
	},
	{
		groupVersion: "lazyxds.io/v1alpha1",
		resources:    []string{"workloadscopes"},
		install:      "install LazyXDS by its chart, or apply install/lazyxds-controller.yaml",
	},
}

// permission is what the controller must be allowed to do with resources of a group.
type permission struct {
	group       string
	resources   []string
	subresource string
	verbs       []string
	here        bool   // in the controller's own namespace only
	name        string // of the one object it is about; empty for all
}

var (
	toRead  = []string{"list", "watch"}
	toWrite = []string{"list", "watch", "get", "create", "patch", "update", "delete"}
)

var neededPermissions = []permission{
	{group: "", resources: []string{"namespaces", "services", "pods"}, verbs: toRead},
	{group: "apps", resources: []string{"deployments", "statefulsets", "daemonsets", "replicasets"}, verbs: toRead},
	{group: "batch", resources: []string{"jobs", "cronjobs"}, verbs: toRead},
	{group: "networking.istio.io", resources: []string{"virtualservices", "serviceentries", "destinationrules"}, verbs: toRead},
	{group: "gateway.networking.k8s.io", resources: []string{"httproutes", "grpcroutes", "tlsroutes", "tcproutes"}, verbs: toRead},
	{group: "networking.istio.io", resources: []string{"sidecars", "envoyfilters"}, verbs: toWrite},
	{group: "security.istio.io", resources: []string{"authorizationpolicies"}, verbs: toWrite},
	{group: "lazyxds.io", resources: []string{"workloadscopes"}, verbs: []string{"list", "watch", "get", "create", "delete"}},
	{group: "lazyxds.io", resources: []string{"workloadscopes"}, subresource: "status", verbs: []string{"update"}},
	{group: "discovery.k8s.io", resources: []string{"endpointslices"}, verbs: toRead, here: true},
	{group: "coordination.k8s.io", resources: []string{"leases"}, verbs: []string{"create"}, here: true},
	{group: "events.k8s.io", resources: []string{"events"}, verbs: []string{"create"}},
}

// preflight checks what would otherwise end in endless retries, and says what is missing. It waits for the API server.
func preflight(ctx context.Context, config *rest.Config, opts *options, log *slog.Logger) error {
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	for backoff := minBackoff; ; backoff = min(2*backoff, maxBackoff) {
		_, err := client.Discovery().ServerVersion()
		if err == nil {
			break
		}
		log.Error("API server does not answer", "apiserver", config.Host, "error", err, "retry", backoff)
		select {
		case <-ctx.Done():
			return fmt.Errorf("reach the API server %s: %w", config.Host, err)
		case <-time.After(backoff):
		}
	}
	for _, needed := range neededAPIs {
		if err := checkAPI(client, needed); err != nil {
			return err
		}
	}
	for _, needed := range neededPermissions {
		if err := checkPermission(ctx, client, needed, opts.namespace); err != nil {
			return err
		}
	}
	return checkMeshConfig(ctx, client, opts)
}

// checkMeshConfig finds out whether the mesh configuration is where istiod of the configured revision has it: without it, what
// workloads may see would be guessed.
func checkMeshConfig(ctx context.Context, client kubernetes.Interface, opts *options) error {
	name := watch.MeshConfigMap(opts.revision)
	err := checkPermission(ctx, client, permission{resources: []string{"configmaps"}, verbs: append([]string{"get"}, toRead...), here: true, name: name},
		opts.rootNamespace)
	if err != nil {
		return err
	}
	_, err = client.CoreV1().ConfigMaps(opts.rootNamespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return exitError{exitMissingAPI, fmt.Errorf(
			"there is no ConfigMap %s in namespace %s, where Istio's mesh configuration should be: set istio.revision to the revision of istiod",
			name, opts.rootNamespace)}
	case err != nil:
		return fmt.Errorf("read ConfigMap %s/%s: %w", opts.rootNamespace, name, err)
	}
	return nil
}

func checkAPI(client kubernetes.Interface, needed api) error {
	list, err := client.Discovery().ServerResourcesForGroupVersion(needed.groupVersion)
	if err != nil && !apierrors.IsNotFound(err) {
		return fmt.Errorf("ask which resources of %s there are: %w", needed.groupVersion, err)
	}
	served := map[string]bool{}
	if err == nil {
		for _, resource := range list.APIResources {
			served[resource.Name] = true
		}
	}
	for _, resource := range needed.resources {
		if !served[resource] {
			return exitError{exitMissingAPI, fmt.Errorf("the cluster has no %s of %s: %s", resource, needed.groupVersion, needed.install)}
		}
	}
	return nil
}

func checkPermission(ctx context.Context, client kubernetes.Interface, needed permission, namespace string) error {
	where := "in all namespaces"
	attributes := authorizationv1.ResourceAttributes{Group: needed.group, Subresource: needed.subresource, Name: needed.name}
	if needed.here {
		where = "in namespace " + namespace
		attributes.Namespace = namespace
	}
	for _, attributes.Resource = range needed.resources {
		for _, attributes.Verb = range needed.verbs {
			asked := attributes
			review := &authorizationv1.SelfSubjectAccessReview{
				Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &asked},
			}
			review, err := client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, review, metav1.CreateOptions{})
			if err != nil {
				return fmt.Errorf("ask for permission to %s %s: %w", asked.Verb, describe(&asked), err)
			}
			if !review.Status.Allowed {
				return exitError{exitMissingPermission, fmt.Errorf("not allowed to %s %s %s: apply the ClusterRole and Role of the chart",
					asked.Verb, describe(&asked), where)}
			}
		}
	}
	return nil
}

// describe names a resource as kubectl does: "workloadscopes/status.lazyxds.io".
func describe(a *authorizationv1.ResourceAttributes) string {
	name := a.Resource
	if a.Subresource != "" {
		name += "/" + a.Subresource
	}
	if a.Group != "" {
		name += "." + a.Group
	}
	return name
}
