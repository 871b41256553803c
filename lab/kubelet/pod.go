package kubelet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/lab/netspace"
)

// addressAnnotation asks for a certain pod address, so that a story can have one used again by another workload.
const addressAnnotation = "lab.lazyxds.io/address"

// A pod runs one Pod object from its creation to its end.
type pod struct {
	node       *node
	origin     *corev1.Pod // the object as it was first seen
	dir        string
	volumes    *volumes
	containers []*container

	ctx    context.Context // done when the pod is to end
	cancel context.CancelFunc
	killed context.Context // done when its grace period is over, too
	kill   context.CancelFunc
	gone   chan struct{} // closed when nothing of the pod runs any more
	tasks  sync.WaitGroup

	publishing sync.Mutex // held from taking a status to handing it on: the last one handed on must be the newest

	mu     sync.Mutex
	object *corev1.Pod // what the API server has, but for the status, which is ours
	ip     netip.Addr
	began  time.Time
	ending bool
	ended  bool
}

func newPod(n *node, object *corev1.Pod) *pod {
	p := &pod{
		node:   n,
		origin: object,
		dir:    filepath.Join(n.cfg.Dir, "pods", string(object.UID)),
		gone:   make(chan struct{}),
		object: object,
		began:  time.Now(),
	}
	p.killed, p.kill = context.WithCancel(context.Background())
	p.ctx, p.cancel = context.WithCancel(p.killed)
	p.volumes = newVolumes(p)
	for i := range object.Spec.InitContainers {
		p.containers = append(p.containers, newContainer(p, &object.Spec.InitContainers[i], true))
	}
	for i := range object.Spec.Containers {
		p.containers = append(p.containers, newContainer(p, &object.Spec.Containers[i], false))
	}
	return p
}

// run is the whole life of a pod. It returns when nothing of it is left but its logs and its status.
func (p *pod) run() {
	p.publish()
	if p.prepare() {
		p.runContainers()
	}
	p.terminate()
	p.tasks.Wait()
	p.release()
	p.mu.Lock()
	p.ended = true
	p.mu.Unlock()
	p.publish()
	p.kill() // frees the timer of the grace period
	close(p.gone)
}

// prepare gives the pod its address and its volumes, however long that takes. It is false when the pod has to end before.
func (p *pod) prepare() bool {
	if err := os.MkdirAll(p.dir, 0o755); err != nil {
		p.event(nil, corev1.EventTypeWarning, "Failed", "create pod folder: %v", err)
		return false
	}
	if !p.retry("FailedCreatePodSandBox", "Failed to create pod sandbox: %v", p.attach) {
		return false
	}
	p.publish()
	if !p.retry("FailedMount", "MountVolume.SetUp failed for %v", p.volumes.mount) {
		return false
	}
	p.tasks.Go(func() { p.volumes.refresh(p.ctx) })
	return true
}

// retry calls f until it succeeds or the pod is to end, and tells of each new failure in an event.
func (p *pod) retry(reason, format string, f func(context.Context) error) bool {
	wait, told := 200*time.Millisecond, ""
	for {
		err := f(p.ctx)
		if err == nil {
			return p.ctx.Err() == nil
		}
		if p.ctx.Err() != nil {
			return false
		}
		if err.Error() != told {
			told = err.Error()
			p.event(nil, corev1.EventTypeWarning, reason, format, err)
		}
		if !sleep(p.ctx, wait) {
			return false
		}
		wait = min(2*wait, 2*time.Second)
	}
}

// attach connects the pod to the network. A pod on the host's network shares the node's namespace and address.
func (p *pod) attach(context.Context) error {
	network := p.node.network
	if p.origin.Spec.HostNetwork {
		p.setIP(network.nodeIP)
		return nil
	}
	addr, err := p.allocate()
	if err != nil {
		return err
	}
	if err := network.attach(string(p.origin.UID), addr); err != nil {
		network.addresses.release(addr)
		return err
	}
	p.setIP(addr)
	return nil
}

func (p *pod) allocate() (netip.Addr, error) {
	addresses := p.node.network.addresses
	wanted := p.origin.Annotations[addressAnnotation]
	if wanted == "" {
		return addresses.allocate()
	}
	addr, err := netip.ParseAddr(wanted)
	if err != nil {
		return netip.Addr{}, fmt.Errorf("annotation %s: %w", addressAnnotation, err)
	}
	return addr, addresses.claim(addr)
}

func (p *pod) setIP(addr netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ip = addr
}

// runContainers starts the init containers one after the other, then the others, and returns when the pod is complete, has
// failed or is to end.
func (p *pod) runContainers() {
	for _, c := range p.containers {
		p.tasks.Go(c.supervise)
		var next <-chan struct{}
		switch c.role {
		case roleInit:
			next = c.settled
		case roleSidecar:
			next = c.startedOnce
		case roleApp:
			next = c.attempted // a postStart hook holds back the containers after its own
		}
		if !wait(p.ctx, next) || c.role == roleInit && !c.succeeded() {
			return
		}
	}
	for _, c := range p.containers {
		if c.role == roleApp && !wait(p.ctx, c.settled) {
			return
		}
	}
}

// release gives back what the pod used. Its status and logs stay until the object is deleted.
func (p *pod) release() {
	p.mu.Lock()
	addr := p.ip
	p.mu.Unlock()
	if !addr.IsValid() || p.origin.Spec.HostNetwork {
		return
	}
	if err := p.node.network.detach(string(p.origin.UID)); err != nil {
		p.logger().Error("detach network", "error", err)
	}
	p.node.network.addresses.release(addr)
}

// netnsPath is where the containers' network namespace is; empty for the node's own.
func (p *pod) netnsPath() string {
	if p.origin.Spec.HostNetwork {
		return ""
	}
	return netspace.Path(p.node.network.netnsName(string(p.origin.UID)))
}

// podIP is the pod's address, empty before it has one.
func (p *pod) podIP() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.podIPLocked()
}

func (p *pod) podIPLocked() string {
	if !p.ip.IsValid() {
		return ""
	}
	return p.ip.String()
}

// update takes over what may change in a running pod's object.
func (p *pod) update(object *corev1.Pod) {
	p.mu.Lock()
	defer p.mu.Unlock()
	updated := object.DeepCopy()
	updated.Status = p.object.Status
	p.object = updated
}

// meta is the pod's object as it is now. It must not be changed.
func (p *pod) meta() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.object
}

// snapshot is the pod's object with its present status.
func (p *pod) snapshot() *corev1.Pod {
	p.mu.Lock()
	defer p.mu.Unlock()
	object := p.object.DeepCopy()
	object.Status = p.stateLocked().status(object.Status, time.Now())
	return object
}

func (p *pod) stateLocked() podState {
	s := podState{
		hostIP: p.node.cfg.NodeIP,
		podIP:  p.podIPLocked(),
		began:  p.began,
		policy: p.origin.Spec.RestartPolicy,
		ending: p.ending,
		ended:  p.ended,
	}
	for _, c := range p.containers {
		s.containers = append(s.containers, c.containerState)
	}
	return s
}

// publish tells the API server of the pod's status, if it is news.
func (p *pod) publish() {
	p.publishing.Lock()
	defer p.publishing.Unlock()
	object := p.snapshot()
	p.mu.Lock()
	known := p.object.Status
	if reflect.DeepEqual(known, object.Status) {
		p.mu.Unlock()
		return
	}
	changed := p.object.DeepCopy()
	changed.Status = object.Status
	p.object = changed
	p.mu.Unlock()
	p.node.notify(object)
}

// event records an event on the pod, or on one of its containers.
func (p *pod) event(c *container, kind, reason, format string, args ...any) {
	object := p.meta()
	ref := &corev1.ObjectReference{
		APIVersion: "v1", Kind: "Pod",
		Namespace: object.Namespace, Name: object.Name, UID: object.UID, ResourceVersion: object.ResourceVersion,
	}
	if c != nil {
		ref.FieldPath = c.fieldPath()
	}
	p.node.events.Eventf(ref, kind, reason, format, args...)
	p.logger().Info(fmt.Sprintf(format, args...), "reason", reason)
}

func (p *pod) logger() *slog.Logger {
	return p.node.log.With("pod", p.origin.Namespace+"/"+p.origin.Name)
}

// errStopped says that the pod has to end while something of it was being started.
var errStopped = errors.New("pod is being stopped")

// sleep waits for d; it is false when ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// wait waits for c to be closed; it is false when ctx ended first.
func wait(ctx context.Context, c <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-c:
		return true
	}
}

func now() metav1.Time { return metav1.NewTime(time.Now()) }
