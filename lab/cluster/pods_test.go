package cluster

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"
)

func TestTargetFindsThePodAUserMeans(t *testing.T) {
	now := time.Now()
	deployment := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "demo"},
		Spec:       appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}},
	}
	starting := newPod("starting", now.Add(-time.Hour), false)
	ready := newPod("ready", now, true)
	ending := newPod("ending", now.Add(-2*time.Hour), true)
	ending.DeletionTimestamp, ending.Finalizers = &metav1.Time{Time: now}, []string{"x/y"}
	l := &Lab{client: fake.NewClientset(deployment, starting, ready, ending)}

	for target, want := range map[string]string{"deploy/web": "ready", "pod/starting": "starting", "ending": "ending"} {
		pod, err := l.Pod(t.Context(), Target{Namespace: "demo", Name: target})
		if err != nil || pod.Name != want {
			t.Errorf("%s: %v, %v, want %s", target, pod, err, want)
		}
	}
	for _, target := range []string{"deploy/absent", "absent", "service/web"} {
		if pod, err := l.Pod(t.Context(), Target{Namespace: "demo", Name: target}); err == nil {
			t.Errorf("%s: pod %s, want an error", target, pod.Name)
		}
	}
}

func TestTargetContainer(t *testing.T) {
	pod := newPod("p", time.Now(), true)
	pod.Spec.Containers = []corev1.Container{{Name: "first"}, {Name: "second"}}
	if got := (Target{}).container(pod); got != "first" {
		t.Errorf("without a hint: %s, want first", got)
	}
	pod.Annotations = map[string]string{"kubectl.kubernetes.io/default-container": "second"}
	if got := (Target{}).container(pod); got != "second" {
		t.Errorf("by annotation: %s, want second", got)
	}
	if got := (Target{Container: "third"}).container(pod); got != "third" {
		t.Errorf("by name: %s, want third", got)
	}
}

func TestRolledOut(t *testing.T) {
	two := int32(2)
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 3}, Spec: appsv1.DeploymentSpec{Replicas: &two}}
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 3, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}
	if !rolledOut(d) {
		t.Error("a complete rollout is not seen as one")
	}
	for what, change := range map[string]func(*appsv1.DeploymentStatus){
		"an old generation":   func(s *appsv1.DeploymentStatus) { s.ObservedGeneration = 2 },
		"an old replica":      func(s *appsv1.DeploymentStatus) { s.Replicas = 3 },
		"an unavailable one":  func(s *appsv1.DeploymentStatus) { s.AvailableReplicas = 1 },
		"one not updated yet": func(s *appsv1.DeploymentStatus) { s.UpdatedReplicas = 1 },
	} {
		half := d.DeepCopy()
		change(&half.Status)
		if rolledOut(half) {
			t.Errorf("with %s the rollout seems complete", what)
		}
	}
}

func TestDescribeSaysWhatIsWrong(t *testing.T) {
	pod := newPod("web", time.Now(), false)
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{
		Name:  "app",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 1s"}},
	}}
	if got := describe([]corev1.Pod{*pod}); !strings.Contains(got, "app CrashLoopBackOff back-off 1s") {
		t.Errorf("describe = %q", got)
	}
}

func TestWaitTellsTheLastState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &Lab{}
		calls := 0
		err := l.Wait(t.Context(), "three calls", time.Minute, func(context.Context) (bool, string) {
			calls++
			return calls == 3, "not yet"
		})
		if err != nil || calls != 3 {
			t.Errorf("after %d calls: %v", calls, err)
		}
		err = l.Wait(t.Context(), "the impossible", time.Minute, func(context.Context) (bool, string) { return false, "half way" })
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "the impossible") || !strings.Contains(err.Error(), "half way") {
			t.Errorf("error %v, want what was waited for and the last state", err)
		}
	})
}

func newPod(name string, created time.Time, ready bool) *corev1.Pod {
	status := corev1.ConditionFalse
	if ready {
		status = corev1.ConditionTrue
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: name, Namespace: "demo", Labels: map[string]string{"app": "web"}, CreationTimestamp: metav1.NewTime(created),
		},
		Spec:   corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning, Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: status}}},
	}
}
