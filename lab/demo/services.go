package demo

import (
	"context"
	"fmt"
	"strconv"
	"time"

	_ "embed"

	"golang.org/x/sync/errgroup"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	corev1 "k8s.io/client-go/applyconfigurations/core/v1"
	discovery "k8s.io/client-go/applyconfigurations/discovery/v1"
)

const (
	lazyNamespace = "bookinfo"
	echoNamespace = "echo"
	echoPort      = 8080

	// calledServices is how many services the client calls for the first time.
	calledServices = 20
	// spareService is one more of them, left for the user to call.
	spareService = "spare"

	// MaxServices is the largest number of extra services: each has two made-up addresses of its own.
	MaxServices  = 60_000
	perNamespace = 20

	// writers is how many objects are written at a time.
	writers = 8
	// readyTimeout bounds the start of the demo's pods.
	readyTimeout = 3 * time.Minute
)

//go:embed world.yaml
var world string

// byUs marks what the demo applies.
var byUs = metav1.ApplyOptions{FieldManager: "lazylab-demo", Force: true}

// ParseServices reads a number of extra services as a user gives it.
func ParseServices(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 || n > MaxServices {
		return 0, fmt.Errorf("the number of services must be from 0 to %d, not %q", MaxServices, text)
	}
	return n, nil
}

// populate fills the mesh: the extra services first, so that istiod knows them long before anything is measured.
func (d *demo) populate(ctx context.Context, services int) error {
	d.say("adding %d services that nobody calls", services)
	if err := d.addExtras(ctx, services); err != nil {
		return err
	}
	d.say("installing LazyXDS by its chart")
	if err := d.lab.Install(ctx, d.progress); err != nil {
		return err
	}
	d.say("adding Istio's bookinfo sample, with STRICT mutual TLS in the whole mesh")
	if err := d.lab.Apply(ctx, world); err != nil {
		return err
	}
	if err := d.addCalled(ctx); err != nil {
		return err
	}
	sample := d.lab.Sample("bookinfo/platform/kube/bookinfo.yaml")
	if err := d.lab.ApplyFile(ctx, lazyNamespace, sample); err != nil {
		return err
	}
	for _, namespace := range []string{lazyNamespace, echoNamespace} {
		if err := d.waitDeployments(ctx, namespace); err != nil {
			return err
		}
	}
	d.say("all pods are ready")
	return nil
}

// addExtras adds the services that are only there to be configured: they have endpoints, and no pods behind these.
func (d *demo) addExtras(ctx context.Context, services int) error {
	client := d.lab.Client()
	for first := 0; first < services; first += perNamespace {
		_, err := client.CoreV1().Namespaces().Apply(ctx, corev1.Namespace(extraNamespace(first)), byUs)
		if err != nil {
			return fmt.Errorf("add namespace %s: %w", extraNamespace(first), err)
		}
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	for i := range services {
		g.Go(func() error {
			service, slice := extraService(i)
			if _, err := client.CoreV1().Services(*service.Namespace).Apply(ctx, service, byUs); err != nil {
				return fmt.Errorf("add service %s: %w", *service.Name, err)
			}
			if _, err := client.DiscoveryV1().EndpointSlices(*slice.Namespace).Apply(ctx, slice, byUs); err != nil {
				return fmt.Errorf("add endpoints of service %s: %w", *service.Name, err)
			}
			return nil
		})
	}
	return g.Wait()
}

func extraNamespace(i int) string { return fmt.Sprintf("extra-%03d", i/perNamespace) }

// extraService is service number i with two endpoints, at addresses that no pod has.
func extraService(i int) (*corev1.ServiceApplyConfiguration, *discovery.EndpointSliceApplyConfiguration) {
	namespace, name := extraNamespace(i), fmt.Sprintf("extra-%d", i)
	service := corev1.Service(name, namespace).WithSpec(corev1.ServiceSpec().WithPorts(
		corev1.ServicePort().WithName("http").WithPort(9080)))
	slice := discovery.EndpointSlice(name, namespace).
		WithLabels(map[string]string{discoveryv1.LabelServiceName: name}).
		WithAddressType(discoveryv1.AddressTypeIPv4).
		WithPorts(discovery.EndpointPort().WithName("http").WithPort(9080))
	for _, network := range []int{245, 246} {
		slice.WithEndpoints(discovery.Endpoint().
			WithAddresses(fmt.Sprintf("10.%d.%d.%d", network, i/250, i%250+1)).
			WithConditions(discovery.EndpointConditions().WithReady(true)))
	}
	return service, slice
}

func calledService(i int) string { return fmt.Sprintf("first-%02d", i+1) }

// addCalled adds the services that the client calls for the first time; the same pods are behind all of them.
func (d *demo) addCalled(ctx context.Context) error {
	names := []string{spareService}
	for i := range calledServices {
		names = append(names, calledService(i))
	}
	for _, name := range names {
		service := corev1.Service(name, echoNamespace).WithSpec(corev1.ServiceSpec().
			WithSelector(map[string]string{"app": "echo"}).
			WithPorts(corev1.ServicePort().WithName("http").WithPort(echoPort).WithTargetPort(intstr.FromInt32(echoPort))))
		if _, err := d.lab.Client().CoreV1().Services(echoNamespace).Apply(ctx, service, byUs); err != nil {
			return fmt.Errorf("add service %s: %w", name, err)
		}
	}
	return nil
}

// deployments lists the names of a namespace's Deployments.
func (d *demo) deployments(ctx context.Context, namespace string) ([]string, error) {
	list, err := d.lab.Client().AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list deployments of %s: %w", namespace, err)
	}
	names := make([]string, len(list.Items))
	for i := range list.Items {
		names[i] = list.Items[i].Name
	}
	return names, nil
}

func (d *demo) waitDeployments(ctx context.Context, namespace string) error {
	names, err := d.deployments(ctx, namespace)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := d.lab.WaitDeployment(ctx, namespace, name, readyTimeout); err != nil {
			return err
		}
	}
	return nil
}
