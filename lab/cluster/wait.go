package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const pollInterval = 100 * time.Millisecond

// Wait polls check until it reports true, ctx is done or the timeout has passed; the error then says what was waited
// for and the state check saw last.
func (l *Lab) Wait(ctx context.Context, what string, timeout time.Duration, check func(context.Context) (bool, string)) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	last := "not looked at yet"
	for {
		done, now := check(ctx)
		if done {
			return nil
		}
		// A check that was cut off by the deadline knows less than the one before.
		if ctx.Err() == nil {
			last = now
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w, last seen: %s", what, ctx.Err(), last)
		case <-time.After(pollInterval):
		}
	}
}

// WaitDeployment waits until all replicas of a Deployment's newest revision are available.
func (l *Lab) WaitDeployment(ctx context.Context, namespace, name string, timeout time.Duration) error {
	return l.Wait(ctx, "deployment "+namespace+"/"+name, timeout, func(ctx context.Context) (bool, string) {
		d, err := l.client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return false, err.Error()
		}
		return rolledOut(d), fmt.Sprintf("%d of %d replicas available; pods: %s",
			d.Status.AvailableReplicas, replicas(d), l.describePods(ctx, namespace, metav1.FormatLabelSelector(d.Spec.Selector)))
	})
}

// WaitPods waits until exactly n pods match the selector and all are ready.
func (l *Lab) WaitPods(ctx context.Context, namespace, selector string, n int, timeout time.Duration) error {
	return l.Wait(ctx, fmt.Sprintf("%d pods %s in %s", n, selector, namespace), timeout, func(ctx context.Context) (bool, string) {
		pods, err := l.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
		if err != nil {
			return false, err.Error()
		}
		ready := 0
		for _, p := range pods.Items {
			if podReady(p) {
				ready++
			}
		}
		return ready == n && len(pods.Items) == n, describe(pods.Items)
	})
}

func rolledOut(d *appsv1.Deployment) bool {
	want, s := replicas(d), d.Status
	return s.ObservedGeneration >= d.Generation && s.UpdatedReplicas == want && s.AvailableReplicas == want && s.Replicas == want
}

func replicas(d *appsv1.Deployment) int32 {
	if d.Spec.Replicas == nil {
		return 1
	}
	return *d.Spec.Replicas
}

func podReady(p corev1.Pod) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue && p.DeletionTimestamp == nil
		}
	}
	return false
}

func (l *Lab) describePods(ctx context.Context, namespace, selector string) string {
	pods, err := l.client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return err.Error()
	}
	return describe(pods.Items)
}

// describe says of each pod what keeps it from being ready.
func describe(pods []corev1.Pod) string {
	if len(pods) == 0 {
		return "none"
	}
	var all []string
	for _, p := range pods {
		state := string(p.Status.Phase)
		if podReady(p) {
			state = "ready"
		}
		for _, c := range append(p.Status.InitContainerStatuses, p.Status.ContainerStatuses...) {
			switch {
			case c.State.Waiting != nil:
				state += fmt.Sprintf(", %s %s %s", c.Name, c.State.Waiting.Reason, c.State.Waiting.Message)
			case c.State.Running != nil && !c.Ready:
				state += fmt.Sprintf(", %s running, not ready", c.Name)
			}
		}
		all = append(all, p.Name+" "+state)
	}
	return strings.Join(all, "; ")
}

// waitAPI waits until the API server is ready for requests.
func (l *Lab) waitAPI(ctx context.Context) error {
	return l.Wait(ctx, "the API server", startTimeout, func(ctx context.Context) (bool, string) {
		text, err := l.client.Discovery().RESTClient().Get().AbsPath("/readyz").DoRaw(ctx)
		if err != nil {
			return false, err.Error()
		}
		return true, string(text)
	})
}
