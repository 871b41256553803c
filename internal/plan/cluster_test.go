package plan_test

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	networkingv1alpha3 "istio.io/client-go/pkg/apis/networking/v1alpha3"
	securityv1 "istio.io/client-go/pkg/apis/security/v1"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/deps"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
)

// cluster holds the objects of a story and does to them what the API server and package apply do.
type cluster struct {
	t       *testing.T
	now     time.Time
	objects map[string]metav1.Object // by "Kind namespace/name"
	pods    map[mesh.WorkloadKey][2]int
	egress  mesh.Egress
	istio   string
	cfg     plan.Config
}

func newCluster(t *testing.T) *cluster {
	return &cluster{
		t:       t,
		now:     time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC),
		objects: map[string]metav1.Object{},
		pods:    map[mesh.WorkloadKey][2]int{},
		egress:  mesh.Egress{Ready: 2},
		istio:   "1.29.1",
		cfg:     cfg,
	}
}

func newObject(kind string) metav1.Object {
	switch kind {
	case "Namespace":
		return &corev1.Namespace{}
	case "ConfigMap":
		return &corev1.ConfigMap{}
	case "Service":
		return &corev1.Service{}
	case "Pod":
		return &corev1.Pod{}
	case "Deployment":
		return &appsv1.Deployment{}
	case "StatefulSet":
		return &appsv1.StatefulSet{}
	case "Job":
		return &batchv1.Job{}
	case "CronJob":
		return &batchv1.CronJob{}
	case "ServiceEntry":
		return &networkingv1.ServiceEntry{}
	case "VirtualService":
		return &networkingv1.VirtualService{}
	case "DestinationRule":
		return &networkingv1.DestinationRule{}
	case "HTTPRoute":
		return &gatewayv1.HTTPRoute{}
	case "GRPCRoute":
		return &gatewayv1.GRPCRoute{}
	case "TCPRoute":
		return &gatewayv1.TCPRoute{}
	case "Sidecar":
		return &networkingv1.Sidecar{}
	case "EnvoyFilter":
		return &networkingv1alpha3.EnvoyFilter{}
	case "AuthorizationPolicy":
		return &securityv1.AuthorizationPolicy{}
	case "WorkloadScope":
		return &v1alpha1.WorkloadScope{}
	}
	return nil
}

func (c *cluster) load(text string) {
	c.t.Helper()
	for _, document := range strings.Split(text, "\n---\n") {
		var head metav1.TypeMeta
		if err := yaml.Unmarshal([]byte(document), &head); err != nil {
			c.t.Fatalf("%v in\n%s", err, document)
		}
		object := newObject(head.Kind)
		if object == nil {
			c.t.Fatalf("no kind in\n%s", document)
		}
		if err := yaml.UnmarshalStrict([]byte(document), object); err != nil {
			c.t.Fatalf("%v in\n%s", err, document)
		}
		c.put(head.Kind, object)
	}
}

// put stores an object; one that was there keeps its creation time.
func (c *cluster) put(kind string, object metav1.Object) {
	name := fmt.Sprintf("%s %s/%s", kind, object.GetNamespace(), object.GetName())
	object.SetCreationTimestamp(metav1.NewTime(c.now.Truncate(time.Second)))
	if old, ok := c.objects[name]; ok {
		object.SetCreationTimestamp(old.GetCreationTimestamp())
	}
	c.objects[name] = object
}

func (c *cluster) remove(names []string) {
	for _, name := range names {
		if _, ok := c.objects[name]; !ok {
			c.t.Fatalf("cannot delete %s: it does not exist", name)
		}
		delete(c.objects, name)
	}
}

func (c *cluster) setPods(lines []string) {
	for _, line := range lines {
		var key string
		var n [2]int
		if _, err := fmt.Sscanf(line, "%s %d %d", &key, &n[0], &n[1]); err != nil {
			c.t.Fatalf("pods %q: %v", line, err)
		}
		c.pods[workloadKey(c.t, key)] = n
	}
}

func (c *cluster) setEgress(lines []string) {
	before := c.egress
	c.egress = mesh.Egress{}
	for _, line := range lines {
		if missing, ok := strings.CutPrefix(line, "missing "); ok {
			c.egress.Missing = append(c.egress.Missing, missing)
		} else if address, ok := strings.CutPrefix(line, "address "); ok {
			c.egress.Addresses = append(c.egress.Addresses, netip.MustParseAddr(address))
		} else if _, err := fmt.Sscanf(line, "ready %d", &c.egress.Ready); err != nil {
			c.t.Fatalf("egress %q: %v", line, err)
		}
	}
	c.egress.Since = before.Since
	if (before.Ready > 0) != (c.egress.Ready > 0) {
		c.egress.Since = c.now
	}
}

// observe writes lessons into the scopes, as every replica of the controller does; reported is when sidecars reported them, if
// they did.
func (c *cluster) observe(lines []string, reported time.Time) {
	for _, line := range lines {
		source, host, ok := strings.Cut(line, " -> ")
		if !ok {
			c.t.Fatalf("%q is not \"workload -> host\"", line)
		}
		key := workloadKey(c.t, source)
		scope, ok := c.objects[fmt.Sprintf("WorkloadScope %s/%s", key.Namespace, plan.ScopeName(key))].(*v1alpha1.WorkloadScope)
		if !ok {
			c.t.Fatalf("%s has no scope yet", key)
		}
		deps.Merge(&scope.Status, deps.Batch{
			Workload: key, First: c.now, Last: c.now, Reported: reported,
			Services: []deps.Sighting{{Host: mesh.Host(host), As: v1alpha1.SeenDialled}},
		})
	}
}

// execute carries out a plan and then writes the status of every scope.
func (c *cluster) execute(p plan.Plan) {
	for _, change := range p.Changes {
		name := fmt.Sprintf("%s %s", change.Kind(), change.Key)
		if change.Verb == plan.Delete {
			c.remove([]string{name})
			continue
		}
		switch {
		case change.Sidecar != nil:
			c.put("Sidecar", change.Sidecar)
		case change.EnvoyFilter != nil:
			c.put("EnvoyFilter", change.EnvoyFilter)
		case change.Policy != nil:
			c.put("AuthorizationPolicy", change.Policy)
		default:
			c.put("WorkloadScope", change.Scope)
		}
	}
	for _, w := range p.Workloads {
		scope, ok := c.objects[fmt.Sprintf("WorkloadScope %s/%s", w.Key.Namespace, w.ScopeName)].(*v1alpha1.WorkloadScope)
		if ok {
			scope.Status = w.Status(scope.Status, c.now)
		}
	}
}

// snapshot converts the objects the way package watch does.
func (c *cluster) snapshot() *mesh.Snapshot {
	s := &mesh.Snapshot{
		Egress:       c.egress,
		Istio:        mesh.Istio{Version: c.istio},
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
	}
	var routes []*networkingv1.VirtualService
	config := c.meshConfig()
	s.References = config.References
	var gatewayRoutes convert.GatewayRoutes
	owned := map[mesh.WorkloadKey][]*corev1.Pod{} // by owners of kinds that are not watched
	for _, name := range slices.Sorted(maps.Keys(c.objects)) {
		switch o := c.objects[name].(type) {
		case *corev1.Namespace:
			s.Namespaces = append(s.Namespaces, convert.Namespace(o, config))
		case *corev1.Service:
			s.Services = append(s.Services, convert.Service(o, cfg.ClusterDomain))
		case *networkingv1.ServiceEntry:
			s.Services = append(s.Services, convert.ServiceEntry(o)...)
		case *networkingv1.VirtualService:
			routes = append(routes, o)
		case *gatewayv1.HTTPRoute:
			gatewayRoutes.HTTP = append(gatewayRoutes.HTTP, o)
		case *gatewayv1.GRPCRoute:
			gatewayRoutes.GRPC = append(gatewayRoutes.GRPC, o)
		case *gatewayv1.TCPRoute:
			gatewayRoutes.TCP = append(gatewayRoutes.TCP, o)
		case *networkingv1.Sidecar:
			s.Sidecars = append(s.Sidecars, must(convert.Sidecar(o, cfg.RootNamespace)))
		case *corev1.ConfigMap:
			continue // the mesh configuration
		case *networkingv1.DestinationRule:
			s.DestinationRules = append(s.DestinationRules, convert.DestinationRule(o, cfg.ClusterDomain))
		case *networkingv1alpha3.EnvoyFilter:
			if !convert.Ours(o) {
				s.References = append(s.References, must(convert.EnvoyFilterReferences(o, cfg.RootNamespace))...)
				continue
			}
			s.DivertRules = append(s.DivertRules, must(convert.DivertRule(o)))
		case *securityv1.AuthorizationPolicy:
			if !convert.DryRun(o) {
				s.Policies = append(s.Policies, must(convert.Policy(o)))
			}
		case *v1alpha1.WorkloadScope:
			s.Scopes = append(s.Scopes, convert.Scope(o))
		case *corev1.Pod:
			if owner := convert.PodOwner(o); owner.Unwatched {
				owned[owner.WorkloadKey] = append(owned[owner.WorkloadKey], o)
			} else {
				s.Workloads = append(s.Workloads, c.workload(o))
			}
		default:
			s.Workloads = append(s.Workloads, c.workload(o))
		}
	}
	for key, pods := range owned {
		if w, ok := convert.Unwatched(key, pods); ok {
			w.Running, w.WithSidecar = c.pods[key][0], c.pods[key][1]
			s.Workloads = append(s.Workloads, w)
		}
	}
	s.VirtualServices = append(convert.VirtualServices(routes, cfg.ClusterDomain),
		gatewayRoutes.VirtualServices(s.Services, cfg.ClusterDomain)...)
	config.Restrict(s)
	return s
}

func (c *cluster) meshConfig() convert.MeshConfig {
	if config, ok := c.objects["ConfigMap istio-system/istio"].(*corev1.ConfigMap); ok {
		return must(convert.ReadMeshConfig(config.Data["mesh"]))
	}
	return convert.MeshConfig{}
}

func (c *cluster) workload(object metav1.Object) mesh.Workload {
	var w mesh.Workload
	switch o := object.(type) {
	case *appsv1.Deployment:
		w = convert.Deployment(o)
	case *appsv1.StatefulSet:
		w = convert.StatefulSet(o)
	case *batchv1.CronJob:
		w = convert.CronJob(o)
	case *batchv1.Job:
		w, _ = convert.Job(o)
	case *corev1.Pod:
		w, _ = convert.Pod(o)
	}
	w.Running, w.WithSidecar = c.pods[w.WorkloadKey][0], c.pods[w.WorkloadKey][1]
	return w
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
