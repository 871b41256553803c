package kubelet

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func waiting(name string, r role) containerState {
	return containerState{name: name, role: r, state: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "PodInitializing"}}}
}

func running(name string, r role, ready bool) containerState {
	return containerState{name: name, role: r, started: true, ready: ready, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
}

func terminated(name string, r role, code int32) containerState {
	return containerState{name: name, role: r, state: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: code}}}
}

func crashLooping(name string, r role) containerState {
	c := waiting(name, r)
	c.last = terminated(name, r, 1).state
	return c
}

func TestPhase(t *testing.T) {
	const (
		always    = corev1.RestartPolicyAlways
		onFailure = corev1.RestartPolicyOnFailure
		never     = corev1.RestartPolicyNever
	)
	for _, test := range []struct {
		name       string
		policy     corev1.RestartPolicy
		ended      bool
		containers []containerState
		want       corev1.PodPhase
	}{
		{"new", always, false, []containerState{waiting("a", roleApp)}, corev1.PodPending},
		{"init container runs", always, false, []containerState{running("i", roleInit, false), waiting("a", roleApp)}, corev1.PodPending},
		{"init container crashes", always, false, []containerState{crashLooping("i", roleInit), waiting("a", roleApp)}, corev1.PodPending},
		{"sidecar starts", always, false, []containerState{{name: "s", role: roleSidecar, state: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}, waiting("a", roleApp)}, corev1.PodPending},
		{"image unknown beside a running sidecar", always, false, []containerState{running("s", roleSidecar, true), waiting("a", roleApp)}, corev1.PodPending},
		{"all run", always, false, []containerState{terminated("i", roleInit, 0), running("s", roleSidecar, true), running("a", roleApp, true)}, corev1.PodRunning},
		{"one crash-loops", always, false, []containerState{running("a", roleApp, true), crashLooping("b", roleApp)}, corev1.PodRunning},
		{"alone and crash-looping", always, false, []containerState{crashLooping("a", roleApp)}, corev1.PodRunning},
		{"complete, but the sidecar still runs", never, false, []containerState{running("s", roleSidecar, true), terminated("a", roleApp, 0)}, corev1.PodRunning},
		{"complete", never, true, []containerState{terminated("s", roleSidecar, 143), terminated("a", roleApp, 0)}, corev1.PodSucceeded},
		{"one failed", onFailure, true, []containerState{terminated("a", roleApp, 0), terminated("b", roleApp, 4)}, corev1.PodFailed},
		{"init container failed for good", never, true, []containerState{terminated("i", roleInit, 1), waiting("a", roleApp)}, corev1.PodFailed},
		{"deleted before anything ran", always, true, []containerState{waiting("a", roleApp)}, corev1.PodFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := podState{policy: test.policy, ended: test.ended, containers: test.containers}.phase()
			if got != test.want {
				t.Errorf("phase %s, want %s", got, test.want)
			}
		})
	}
}

func TestConditionsNameWhatIsMissing(t *testing.T) {
	s := podState{podIP: "10.1.0.2", containers: []containerState{
		running("proxy", roleSidecar, true), terminated("init", roleInit, 0), running("app", roleApp, false), waiting("other", roleApp),
	}}
	want := []corev1.PodCondition{
		{Type: corev1.PodReadyToStartContainers, Status: corev1.ConditionTrue},
		{Type: corev1.PodInitialized, Status: corev1.ConditionTrue},
		{Type: corev1.PodReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: "containers with unready status: [app other]"},
		{Type: corev1.ContainersReady, Status: corev1.ConditionFalse, Reason: "ContainersNotReady", Message: "containers with unready status: [app other]"},
		{Type: corev1.PodScheduled, Status: corev1.ConditionTrue},
	}
	if diff := cmp.Diff(want, s.conditions(s.phase())); diff != "" {
		t.Error(diff)
	}
}

func TestStatusOfFinishedJobHasNothingReady(t *testing.T) {
	s := podState{policy: corev1.RestartPolicyNever, ended: true, containers: []containerState{
		terminated("init", roleInit, 0), terminated("proxy", roleSidecar, 0), terminated("app", roleApp, 0),
	}}
	status := s.status(corev1.PodStatus{}, time.Now())
	if status.Phase != corev1.PodSucceeded {
		t.Errorf("phase %s", status.Phase)
	}
	ready := map[string]bool{}
	for _, c := range append(status.InitContainerStatuses, status.ContainerStatuses...) {
		ready[c.Name] = c.Ready
	}
	if diff := cmp.Diff(map[string]bool{"init": true, "proxy": false, "app": false}, ready); diff != "" {
		t.Error(diff)
	}
	for _, c := range status.Conditions {
		if c.Type == corev1.PodReady && (c.Status != corev1.ConditionFalse || c.Reason != "PodCompleted") {
			t.Errorf("condition Ready: %s %s", c.Status, c.Reason)
		}
	}
}

func TestStatusKeepsTransitionTimesAndQOSClass(t *testing.T) {
	s := podState{podIP: "10.1.0.2", containers: []containerState{running("a", roleApp, false)}}
	then := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	first := s.status(corev1.PodStatus{QOSClass: corev1.PodQOSBurstable}, then)
	s.containers[0].ready = true
	second := s.status(first, then.Add(time.Minute))
	if second.QOSClass != corev1.PodQOSBurstable {
		t.Errorf("quality of service class became %q: the API server refuses that", second.QOSClass)
	}
	for _, c := range second.Conditions {
		want := metav1.NewTime(then)
		if c.Type == corev1.PodReady || c.Type == corev1.ContainersReady {
			want = metav1.NewTime(then.Add(time.Minute))
		}
		if !c.LastTransitionTime.Equal(&want) {
			t.Errorf("%s: last transition %s, want %s", c.Type, c.LastTransitionTime, want)
		}
	}
}

func TestRestarts(t *testing.T) {
	for _, test := range []struct {
		role   role
		policy corev1.RestartPolicy
		code   int32
		want   bool
	}{
		{roleApp, corev1.RestartPolicyAlways, 0, true},
		{roleApp, corev1.RestartPolicyOnFailure, 0, false},
		{roleApp, corev1.RestartPolicyOnFailure, 1, true},
		{roleApp, corev1.RestartPolicyNever, 1, false},
		{roleInit, corev1.RestartPolicyAlways, 0, false},
		{roleInit, corev1.RestartPolicyAlways, 1, true},
		{roleInit, corev1.RestartPolicyNever, 1, false},
		{roleSidecar, corev1.RestartPolicyNever, 0, true},
	} {
		if got := test.role.restarts(test.policy, test.code); got != test.want {
			t.Errorf("role %d, policy %s, exit code %d: restarts %v, want %v", test.role, test.policy, test.code, got, test.want)
		}
	}
}

func TestBackoffDoublesUpToItsLimitAndForgets(t *testing.T) {
	b := newBackoff()
	var got []time.Duration
	for range 7 {
		got = append(got, b.next(time.Second))
	}
	got = append(got, b.next(time.Hour))
	want := []time.Duration{1, 2, 4, 8, 16, 30, 30, 1}
	for i := range want {
		want[i] *= time.Second
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
