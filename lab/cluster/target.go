package cluster

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Target names a container the way kubectl does: a pod, or a workload such as deploy/NAME for one of its pods.
type Target struct {
	Namespace string
	// Name is NAME, pod/NAME, deploy/NAME, statefulset/NAME, daemonset/NAME or job/NAME.
	Name string
	// Container is the pod's default container if empty.
	Container string
}

func (t Target) String() string {
	if t.Container == "" {
		return t.Namespace + "/" + t.Name
	}
	return t.Namespace + "/" + t.Name + " container " + t.Container
}

// Pod finds the target's pod: a ready one if there is one, else the oldest that is not ending.
func (l *Lab) Pod(ctx context.Context, t Target) (*corev1.Pod, error) {
	kind, name, ok := strings.Cut(t.Name, "/")
	if !ok {
		kind, name = "pod", t.Name
	}
	if kind == "pod" {
		pod, err := l.client.CoreV1().Pods(t.Namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("find pod: %w", err)
		}
		return pod, nil
	}
	selector, err := l.selector(ctx, t.Namespace, kind, name)
	if err != nil {
		return nil, fmt.Errorf("find %s: %w", t, err)
	}
	pods, err := l.client.CoreV1().Pods(t.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(selector)})
	if err != nil {
		return nil, fmt.Errorf("list pods of %s: %w", t, err)
	}
	pod := choose(pods.Items)
	if pod == nil {
		return nil, fmt.Errorf("%s has no pod", t)
	}
	return pod, nil
}

func (l *Lab) selector(ctx context.Context, namespace, kind, name string) (*metav1.LabelSelector, error) {
	switch kind {
	case "deploy", "deployment":
		o, err := l.client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return o.Spec.Selector, nil
	case "sts", "statefulset":
		o, err := l.client.AppsV1().StatefulSets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return o.Spec.Selector, nil
	case "ds", "daemonset":
		o, err := l.client.AppsV1().DaemonSets(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return o.Spec.Selector, nil
	case "job":
		o, err := l.client.BatchV1().Jobs(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return nil, err
		}
		return o.Spec.Selector, nil
	}
	return nil, errors.New("the kind must be pod, deploy, statefulset, daemonset or job")
}

// choose picks from pods in the order a user would.
func choose(pods []corev1.Pod) *corev1.Pod {
	rank := func(p corev1.Pod) int {
		switch {
		case podReady(p):
			return 0
		case p.DeletionTimestamp == nil:
			return 1
		}
		return 2
	}
	if len(pods) == 0 {
		return nil
	}
	best := slices.MinFunc(pods, func(a, b corev1.Pod) int {
		if d := rank(a) - rank(b); d != 0 {
			return d
		}
		return a.CreationTimestamp.Compare(b.CreationTimestamp.Time)
	})
	return &best
}

// container is the target's container in its pod.
func (t Target) container(pod *corev1.Pod) string {
	if t.Container != "" {
		return t.Container
	}
	if name := pod.Annotations["kubectl.kubernetes.io/default-container"]; name != "" {
		return name
	}
	return pod.Spec.Containers[0].Name
}
