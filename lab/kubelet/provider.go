package kubelet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/virtual-kubelet/virtual-kubelet/errdefs"
	"github.com/virtual-kubelet/virtual-kubelet/node/api"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	statsv1alpha1 "k8s.io/kubelet/pkg/apis/stats/v1alpha1"
)

// NotifyPods is called by virtual-kubelet to say where it wants to hear of new statuses.
func (n *node) NotifyPods(_ context.Context, notify func(*corev1.Pod)) { n.report = notify }

// CreatePod starts a pod. Nothing that goes wrong is an error here: the pod's own status tells.
func (n *node) CreatePod(_ context.Context, object *corev1.Pod) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stopped {
		return errStopped
	}
	if _, known := n.pods[object.UID]; known {
		return nil
	}
	p := newPod(n, object.DeepCopy())
	n.pods[object.UID] = p
	go p.run()
	return nil
}

// UpdatePod takes over changed labels and annotations.
func (n *node) UpdatePod(ctx context.Context, object *corev1.Pod) error {
	n.mu.Lock()
	p := n.pods[object.UID]
	n.mu.Unlock()
	if p == nil {
		return n.CreatePod(ctx, object)
	}
	p.update(object)
	return nil
}

// DeletePod ends a pod within its grace period. It may be called again, to shorten that.
func (n *node) DeletePod(_ context.Context, object *corev1.Pod) error {
	n.mu.Lock()
	p := n.pods[object.UID]
	n.mu.Unlock()
	if p == nil {
		go n.deleteObject(object) // a kubelet before this one has ended it
		return nil
	}
	p.stop(p.gracePeriod(object.DeletionGracePeriodSeconds))
	go n.forget(p)
	return nil
}

// forget waits for the end of a pod and removes what is left of it. virtual-kubelet would delete the object only after the
// whole grace period, and until then a rollout or a StatefulSet would wait.
func (n *node) forget(p *pod) {
	<-p.gone
	if err := os.RemoveAll(p.dir); err != nil {
		p.logger().Error("remove pod folder", "error", err)
	}
	n.mu.Lock()
	delete(n.pods, p.origin.UID)
	n.mu.Unlock()
	n.deleteObject(p.origin)
}

func (n *node) deleteObject(object *corev1.Pod) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	options := metav1.DeleteOptions{GracePeriodSeconds: new(int64), Preconditions: metav1.NewUIDPreconditions(string(object.UID))}
	err := n.client.CoreV1().Pods(object.Namespace).Delete(ctx, object.Name, options)
	if err != nil && !apierrors.IsNotFound(err) && !apierrors.IsConflict(err) {
		n.log.Error("delete pod object", "pod", object.Namespace+"/"+object.Name, "error", err)
	}
}

// notify hands a pod's status on, unless its name belongs to another pod by now.
func (n *node) notify(object *corev1.Pod) {
	if live, err := n.podLister.Pods(object.Namespace).Get(object.Name); err == nil && live.UID == object.UID {
		n.report(object)
	}
}

// find returns the pod of that name. Two pods may have it: one that is ending, and the one that takes its place.
func (n *node) find(namespace, name string) *pod {
	live, err := n.podLister.Pods(namespace).Get(name)
	n.mu.Lock()
	defer n.mu.Unlock()
	if err == nil {
		return n.pods[live.UID]
	}
	for _, p := range n.pods {
		if p.origin.Namespace == namespace && p.origin.Name == name {
			return p
		}
	}
	return nil
}

func (n *node) findContainer(namespace, name, container string) (*container, error) {
	p := n.find(namespace, name)
	if p == nil {
		return nil, errdefs.NotFoundf("pod %s/%s does not run here", namespace, name)
	}
	for _, c := range p.containers {
		if c.name == container {
			return c, nil
		}
	}
	return nil, errdefs.NotFoundf("pod %s/%s has no container %s", namespace, name, container)
}

// GetPod returns a pod with its present status.
func (n *node) GetPod(_ context.Context, namespace, name string) (*corev1.Pod, error) {
	p := n.find(namespace, name)
	if p == nil {
		return nil, errdefs.NotFoundf("pod %s/%s does not run here", namespace, name)
	}
	return p.snapshot(), nil
}

// GetPodStatus returns a pod's present status.
func (n *node) GetPodStatus(ctx context.Context, namespace, name string) (*corev1.PodStatus, error) {
	object, err := n.GetPod(ctx, namespace, name)
	if err != nil {
		return nil, err
	}
	return &object.Status, nil
}

// GetPods returns all pods.
func (n *node) GetPods(context.Context) ([]*corev1.Pod, error) {
	var objects []*corev1.Pod
	for _, p := range n.all() {
		objects = append(objects, p.snapshot())
	}
	return objects, nil
}

func (n *node) all() []*pod {
	n.mu.Lock()
	defer n.mu.Unlock()
	pods := make([]*pod, 0, len(n.pods))
	for _, p := range n.pods {
		pods = append(pods, p)
	}
	return pods
}

// stopAll ends every pod at once and takes no new ones.
func (n *node) stopAll() {
	n.mu.Lock()
	n.stopped = true
	n.mu.Unlock()
	pods := n.all()
	for _, p := range pods {
		go p.stop(0)
	}
	for _, p := range pods {
		<-p.gone
	}
}

// GetContainerLogs serves `kubectl logs`.
func (n *node) GetContainerLogs(ctx context.Context, namespace, pod, name string, opts api.ContainerLogOpts) (io.ReadCloser, error) {
	c, err := n.findContainer(namespace, pod, name)
	if err != nil {
		return nil, err
	}
	return c.logs(ctx, opts)
}

// RunInContainer serves `kubectl exec`.
func (n *node) RunInContainer(ctx context.Context, namespace, pod, name string, cmd []string, attach api.AttachIO) error {
	c, err := n.findContainer(namespace, pod, name)
	if err != nil {
		return err
	}
	return c.exec(ctx, cmd, attach)
}

// PortForward serves `kubectl port-forward`.
func (n *node) PortForward(ctx context.Context, namespace, name string, port int32, stream io.ReadWriteCloser) error {
	p := n.find(namespace, name)
	if p == nil {
		return errdefs.NotFoundf("pod %s/%s does not run here", namespace, name)
	}
	conn, err := p.dial(ctx, port)
	if err != nil {
		return fmt.Errorf("forward port %d: %w", port, err)
	}
	defer conn.Close()
	done := make(chan error, 2)
	go func() { done <- pump(conn, stream) }()
	go func() { done <- pump(stream, conn) }()
	err = <-done
	if err == nil { // one side is done; the other may still have something to say
		err = <-done
	}
	return err
}

// pump copies, and tells the receiver of the end where it can be told.
func pump(to io.Writer, from io.Reader) error {
	_, err := io.Copy(to, from)
	if half, ok := to.(interface{ CloseWrite() error }); ok {
		err = errors.Join(err, half.CloseWrite())
	}
	return err
}

// AttachToContainer is refused: a container's standard input is not kept open.
func (n *node) AttachToContainer(context.Context, string, string, string, api.AttachIO) error {
	return errors.New("the lab's nodes do not support attach: use exec or logs")
}

// GetStatsSummary says nothing: the lab keeps no resource usage.
func (n *node) GetStatsSummary(context.Context) (*statsv1alpha1.Summary, error) {
	return &statsv1alpha1.Summary{}, nil
}

// GetMetricsResource says nothing, either.
func (n *node) GetMetricsResource(context.Context) ([]*dto.MetricFamily, error) { return nil, nil }
