package kubelet

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
)

func podWithPorts(ports ...corev1.ContainerPort) *corev1.Pod {
	return &corev1.Pod{Spec: corev1.PodSpec{Containers: []corev1.Container{{Ports: ports}}}}
}

func TestHostPortConflicts(t *testing.T) {
	tcp80 := corev1.ContainerPort{Protocol: corev1.ProtocolTCP, ContainerPort: 80, HostPort: 80}
	udp80 := corev1.ContainerPort{Protocol: corev1.ProtocolUDP, ContainerPort: 80, HostPort: 80}
	tcp81 := corev1.ContainerPort{Protocol: corev1.ProtocolTCP, ContainerPort: 80, HostPort: 81}
	own80 := corev1.ContainerPort{Protocol: corev1.ProtocolTCP, ContainerPort: 80}
	placed := []*corev1.Pod{podWithPorts(own80), podWithPorts(tcp80)}
	for _, test := range []struct {
		name string
		pod  *corev1.Pod
		want bool
	}{
		{"no ports", podWithPorts(), false},
		{"same port of the pod", podWithPorts(own80), false},
		{"same port of the node", podWithPorts(tcp81, tcp80), true},
		{"other protocol", podWithPorts(udp80), false},
		{"other port", podWithPorts(tcp81), false},
	} {
		if got := conflicts(test.pod, placed); got != test.want {
			t.Errorf("%s: conflicts %v, want %v", test.name, got, test.want)
		}
	}
}

func TestSplitTellsTheDeadFromTheWaiting(t *testing.T) {
	named := func(name, node string, phase corev1.PodPhase) *corev1.Pod {
		pod := podWithPorts()
		pod.Name, pod.UID, pod.Spec.NodeName, pod.Status.Phase = name, "uid", node, phase
		return pod
	}
	running := named("running", "lab", corev1.PodRunning)
	done := named("done", "lab", corev1.PodSucceeded)
	waiting := named("waiting", "", corev1.PodPending)
	gated := named("gated", "", corev1.PodPending)
	gated.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "wait"}}
	bound := named("bound", "", corev1.PodPending)
	bound.UID = "bound"

	s := &scheduler{bound: map[types.UID]bool{"bound": true, "long gone": true}}
	placed, left := s.split([]*corev1.Pod{running, done, waiting, gated, bound})
	if len(placed) != 2 || placed[0] != running || placed[1] != bound {
		t.Errorf("placed: %d pods", len(placed))
	}
	if len(left) != 1 || left[0] != waiting {
		t.Errorf("waiting: %d pods", len(left))
	}
	if len(s.bound) != 1 {
		t.Errorf("%d pods remembered, want 1", len(s.bound))
	}
}
