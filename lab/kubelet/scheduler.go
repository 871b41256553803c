package kubelet

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/record"
)

// A scheduler binds every pod to the lab's one node. It looks at nothing but host ports: those are what two pods of one node
// can quarrel about.
type scheduler struct {
	client kubernetes.Interface
	pods   listers.PodLister
	node   string
	events record.EventRecorder
	log    *slog.Logger

	bound map[types.UID]bool // bound by us; the cache may not know yet
}

// runScheduler schedules until ctx is done.
func runScheduler(ctx context.Context, client kubernetes.Interface, node string, events record.EventRecorder, log *slog.Logger) error {
	factory := informers.NewSharedInformerFactory(client, 0)
	informer := factory.Core().V1().Pods()
	s := &scheduler{
		client: client, pods: informer.Lister(), node: node, events: events, log: log, bound: map[types.UID]bool{},
	}
	poke := make(chan struct{}, 1)
	changed := func() {
		select {
		case poke <- struct{}{}:
		default: // there is one waiting already
		}
	}
	_, err := informer.Informer().AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { changed() },
		UpdateFunc: func(any, any) { changed() },
		DeleteFunc: func(any) { changed() },
	})
	if err != nil {
		return fmt.Errorf("watch pods: %w", err)
	}
	factory.Start(ctx.Done())
	go func() {
		defer factory.Shutdown()
		for {
			select {
			case <-ctx.Done():
				return
			case <-poke:
				s.schedule(ctx)
			}
		}
	}()
	return nil
}

// schedule looks at all pods, the oldest first.
func (s *scheduler) schedule(ctx context.Context) {
	pods, err := s.pods.List(labels.Everything())
	if err != nil {
		s.log.Error("list pods", "error", err)
		return
	}
	slices.SortFunc(pods, func(a, b *corev1.Pod) int { return a.CreationTimestamp.Compare(b.CreationTimestamp.Time) })
	placed, waiting := s.split(pods)
	for _, pod := range waiting {
		if conflicts(pod, placed) {
			s.refuse(ctx, pod)
			continue
		}
		if err := s.bind(ctx, pod); err != nil {
			s.log.Warn("bind pod", "pod", pod.Namespace+"/"+pod.Name, "error", err)
			continue
		}
		placed = append(placed, pod)
	}
}

// split tells the pods that are on the node and alive from the ones that wait for one, and forgets what has gone.
func (s *scheduler) split(pods []*corev1.Pod) (placed, waiting []*corev1.Pod) {
	bound := map[types.UID]bool{}
	for _, pod := range pods {
		ended := pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
		switch {
		case s.bound[pod.UID] && pod.Spec.NodeName == "":
			bound[pod.UID] = true
			placed = append(placed, pod)
		case pod.Spec.NodeName != "" && !ended:
			placed = append(placed, pod)
		case pod.Spec.NodeName == "" && pod.DeletionTimestamp == nil && len(pod.Spec.SchedulingGates) == 0:
			waiting = append(waiting, pod)
		}
	}
	s.bound = bound
	return placed, waiting
}

func (s *scheduler) bind(ctx context.Context, pod *corev1.Pod) error {
	binding := &corev1.Binding{
		ObjectMeta: metav1.ObjectMeta{Name: pod.Name, Namespace: pod.Namespace, UID: pod.UID},
		Target:     corev1.ObjectReference{Kind: "Node", Name: s.node},
	}
	if err := s.client.CoreV1().Pods(pod.Namespace).Bind(ctx, binding, metav1.CreateOptions{}); err != nil {
		return err
	}
	s.bound[pod.UID] = true
	s.events.Eventf(pod, corev1.EventTypeNormal, "Scheduled", "Successfully assigned %s/%s to %s", pod.Namespace, pod.Name, s.node)
	return nil
}

const noFreePorts = "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports."

// refuse leaves the pod Pending and says why, once.
func (s *scheduler) refuse(ctx context.Context, pod *corev1.Pod) {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Message == noFreePorts {
			return
		}
	}
	refused := pod.DeepCopy()
	refused.Status.Conditions = append(refused.Status.Conditions, corev1.PodCondition{
		Type: corev1.PodScheduled, Status: corev1.ConditionFalse,
		Reason: corev1.PodReasonUnschedulable, Message: noFreePorts, LastTransitionTime: metav1.Now(),
	})
	if _, err := s.client.CoreV1().Pods(pod.Namespace).UpdateStatus(ctx, refused, metav1.UpdateOptions{}); err != nil {
		s.log.Warn("refuse pod", "pod", pod.Namespace+"/"+pod.Name, "error", err)
		return
	}
	s.events.Event(pod, corev1.EventTypeWarning, "FailedScheduling", noFreePorts)
}

// A hostPort is a port of the node. The API server has filled it in for pods on the host's network, too.
type hostPort struct {
	protocol corev1.Protocol
	number   int32
}

func hostPorts(pod *corev1.Pod) map[hostPort]bool {
	ports := map[hostPort]bool{}
	for _, list := range [][]corev1.Container{pod.Spec.InitContainers, pod.Spec.Containers} {
		for _, c := range list {
			for _, p := range c.Ports {
				if p.HostPort != 0 {
					ports[hostPort{protocol: p.Protocol, number: p.HostPort}] = true
				}
			}
		}
	}
	return ports
}

// conflicts says whether a pod wants a port of the node that another one has.
func conflicts(pod *corev1.Pod, placed []*corev1.Pod) bool {
	wanted := hostPorts(pod)
	if len(wanted) == 0 {
		return false
	}
	for _, other := range placed {
		for port := range hostPorts(other) {
			if wanted[port] {
				return true
			}
		}
	}
	return false
}
