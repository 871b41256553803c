package watch

import (
	"maps"
	"slices"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	k8snetworkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
)

// stores hold what informers have seen, one for each kind.
type stores struct {
	namespaces, services, serviceEntries, virtualServices toolscache.Indexer
	sidecars, envoyFilters, destinationRules, scopes      toolscache.Indexer
	deployments, statefulSets, daemonSets, replicaSets    toolscache.Indexer
	jobs, cronJobs, pods, endpointSlices, serviceCIDRs    toolscache.Indexer
	meshConfigs, policies                                 toolscache.Indexer
	httpRoutes, grpcRoutes, tlsRoutes, tcpRoutes          toolscache.Indexer
}

// source is one kind of object to follow.
type source struct {
	object   client.Object
	store    *toolscache.Indexer
	handler  toolscache.ResourceEventHandler
	index    toolscache.Indexers
	optional bool // not every supported cluster serves it
}

func (w *Watch) sources() []source {
	s := &w.stores
	of := func(object client.Object, store *toolscache.Indexer, differ func(old, new client.Object) bool) source {
		return source{object: object, store: store, handler: onChange(differ, w.poke)}
	}
	return []source{
		{object: &corev1.Namespace{}, store: &s.namespaces, handler: onChange(version, w.serviceEvent)},
		{object: &corev1.Service{}, store: &s.services, handler: onChange(version, w.serviceEvent)},
		{object: &networkingv1.ServiceEntry{}, store: &s.serviceEntries, handler: onChange(version, w.serviceEvent)},
		of(&networkingv1.VirtualService{}, &s.virtualServices, intent),
		of(&networkingv1.Sidecar{}, &s.sidecars, intent),
		of(&networkingv1alpha3.EnvoyFilter{}, &s.envoyFilters, intent),
		of(&networkingv1.DestinationRule{}, &s.destinationRules, intent),
		{
			object: &v1alpha1.WorkloadScope{}, store: &s.scopes, handler: onChange(version, w.poke),
			index: toolscache.Indexers{byWorkload: scopeWorkload},
		},
		of(&appsv1.Deployment{}, &s.deployments, intent),
		of(&appsv1.StatefulSet{}, &s.statefulSets, intent),
		of(&appsv1.DaemonSet{}, &s.daemonSets, intent),
		of(&appsv1.ReplicaSet{}, &s.replicaSets, intent),
		of(&batchv1.Job{}, &s.jobs, version),
		of(&batchv1.CronJob{}, &s.cronJobs, intent),
		{object: &corev1.Pod{}, store: &s.pods, handler: w.podHandler()},
		{object: &discoveryv1.EndpointSlice{}, store: &s.endpointSlices, handler: onChange(version, w.egressEvent)},
		{object: &corev1.ConfigMap{}, store: &s.meshConfigs, handler: onChange(version, w.serviceEvent)},
		{
			object: &k8snetworkingv1.ServiceCIDR{}, store: &s.serviceCIDRs, optional: true,
			handler: onChange(version, w.poke),
		},
		{
			object: &securityv1.AuthorizationPolicy{}, store: &s.policies, optional: true,
			handler: onChange(intent, w.poke),
		},
		{object: &gatewayv1.HTTPRoute{}, store: &s.httpRoutes, optional: true, handler: onChange(intent, w.poke)},
		{object: &gatewayv1.GRPCRoute{}, store: &s.grpcRoutes, optional: true, handler: onChange(intent, w.poke)},
		{object: &gatewayv1.TLSRoute{}, store: &s.tlsRoutes, optional: true, handler: onChange(intent, w.poke)},
		{object: &gatewayv1.TCPRoute{}, store: &s.tcpRoutes, optional: true, handler: onChange(intent, w.poke)},
	}
}

// version tells every change of an object.
func version(old, new client.Object) bool {
	return old.GetResourceVersion() != new.GetResourceVersion()
}

// intent tells the changes of what users, or we, want of an object, not those of its status.
func intent(old, new client.Object) bool {
	return old.GetGeneration() != new.GetGeneration() ||
		!maps.Equal(old.GetLabels(), new.GetLabels()) || !maps.Equal(old.GetAnnotations(), new.GetAnnotations())
}

// onChange calls poke when an object comes, goes or becomes different.
func onChange(differ func(old, new client.Object) bool, poke func()) toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { poke() },
		DeleteFunc: func(any) { poke() },
		UpdateFunc: func(before, after any) {
			old, ok1 := before.(client.Object)
			new, ok2 := after.(client.Object)
			if !ok1 || !ok2 || differ(old, new) {
				poke()
			}
		},
	}
}

// podHandler notes who holds which address; a pod's probes and conditions, which change all the time, are nobody's concern.
func (w *Watch) podHandler() toolscache.ResourceEventHandler {
	return toolscache.ResourceEventHandlerFuncs{
		AddFunc: func(object any) {
			w.notePod(object)
			w.poke()
		},
		UpdateFunc: func(before, after any) {
			w.notePod(after)
			old, ok1 := before.(*corev1.Pod)
			new, ok2 := after.(*corev1.Pod)
			if !ok1 || !ok2 || intent(old, new) || old.Status.Phase != new.Status.Phase ||
				!slices.Equal(old.Status.PodIPs, new.Status.PodIPs) || convert.ProxyStarted(old) != convert.ProxyStarted(new) {
				w.poke()
			}
		},
		DeleteFunc: func(object any) {
			w.removePod(object)
			w.poke()
		},
	}
}

// CacheOptions restricts a cache to what this package looks at.
func CacheOptions(cfg Config) cache.Options {
	here := fields.OneTermEqualSelector("metadata.namespace", cfg.EgressNamespace)
	yes := true
	return cache.Options{
		Scheme:           Scheme(),
		DefaultTransform: trim,
		// Snapshots share the cached objects and change none.
		DefaultUnsafeDisableDeepCopy: &yes,
		// Informers are made in New, and nowhere by the way.
		ReaderFailOnMissingInformer: true,
		ByObject: map[client.Object]cache.ByObject{
			&corev1.ConfigMap{}: {Field: fields.SelectorFromSet(fields.Set{
				"metadata.namespace": cfg.RootNamespace, "metadata.name": MeshConfigMap(cfg.Revision),
			})},
			&discoveryv1.EndpointSlice{}: {
				Field: here,
				Label: labels.SelectorFromSet(labels.Set{discoveryv1.LabelServiceName: egressService}),
			},
		},
	}
}
