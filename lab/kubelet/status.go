package kubelet

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A role says which part of a pod's life a container has.
type role int

const (
	roleInit    role = iota // runs to its end before the others
	roleSidecar             // an init container that is restarted always: starts before, ends after the others
	roleApp
)

func roleOf(spec *corev1.Container, init bool) role {
	switch {
	case !init:
		return roleApp
	case spec.RestartPolicy != nil && *spec.RestartPolicy == corev1.ContainerRestartPolicyAlways:
		return roleSidecar
	}
	return roleInit
}

// restarts says whether a container that ended with this exit code is started again.
func (r role) restarts(policy corev1.RestartPolicy, exitCode int32) bool {
	switch r {
	case roleSidecar:
		return true
	case roleInit:
		return exitCode != 0 && policy != corev1.RestartPolicyNever
	}
	return policy == corev1.RestartPolicyAlways || policy == corev1.RestartPolicyOnFailure && exitCode != 0
}

// containerState is what is known of one container.
type containerState struct {
	name, image, id string
	role            role
	state           corev1.ContainerState // exactly one field is set
	last            corev1.ContainerState
	restarts        int32
	started, ready  bool
}

func (c *containerState) completed() bool {
	return c.state.Terminated != nil && c.state.Terminated.ExitCode == 0
}

// podState is what is known of one pod; status makes the API's view of it.
type podState struct {
	hostIP, podIP string // podIP is empty until the pod has an address
	began         time.Time
	policy        corev1.RestartPolicy
	containers    []containerState
	ending        bool // it was deleted or is complete, and is being stopped
	ended         bool // no process of it is left
}

// status is the API's view of a pod. Conditions that did not change keep the time of their last transition from previous.
// The quality of service class is left alone: the API server has set it, and refuses every update that touches it.
func (s podState) status(previous corev1.PodStatus, now time.Time) corev1.PodStatus {
	began := metav1.NewTime(s.began)
	status := corev1.PodStatus{
		Phase:     s.phase(),
		HostIP:    s.hostIP,
		HostIPs:   []corev1.HostIP{{IP: s.hostIP}},
		StartTime: &began,
		QOSClass:  previous.QOSClass,
	}
	if s.podIP != "" {
		status.PodIP, status.PodIPs = s.podIP, []corev1.PodIP{{IP: s.podIP}}
	}
	for i := range s.containers {
		c := &s.containers[i]
		if c.role == roleApp {
			status.ContainerStatuses = append(status.ContainerStatuses, c.status())
		} else {
			status.InitContainerStatuses = append(status.InitContainerStatuses, c.status())
		}
	}
	status.Conditions = keepTransitions(s.conditions(status.Phase), previous.Conditions, metav1.NewTime(now))
	return status
}

func (c *containerState) status() corev1.ContainerStatus {
	ready := c.ready
	if c.role == roleInit {
		ready = c.completed()
	}
	started := c.started
	status := corev1.ContainerStatus{
		Name:                 c.name,
		State:                c.state,
		LastTerminationState: c.last,
		Ready:                ready,
		Started:              &started,
		RestartCount:         c.restarts,
		Image:                c.image,
	}
	if c.state.Waiting == nil || c.last.Terminated != nil { // else it has never been there
		status.ImageID, status.ContainerID = c.image, c.id
	}
	return status
}

// phase follows the rules of the real kubelet: a pod is Pending until every container has been started once, and terminal
// only when nothing of it runs any more, sidecars included.
func (s podState) phase() corev1.PodPhase {
	var waiting, running, stopped, failed, alive int
	for i := range s.containers {
		c := &s.containers[i]
		if c.state.Running != nil {
			alive++
		}
		switch c.role {
		case roleInit:
			if c.state.Terminated != nil && c.state.Terminated.ExitCode != 0 && s.policy == corev1.RestartPolicyNever {
				if s.ended {
					return corev1.PodFailed
				}
				return corev1.PodPending
			}
			if !c.completed() && !s.ended {
				return corev1.PodPending
			}
		case roleSidecar:
			if !c.started && c.last.Terminated == nil && c.state.Terminated == nil && !s.ended {
				return corev1.PodPending
			}
		case roleApp:
			switch {
			case c.state.Running != nil:
				running++
			case c.state.Terminated != nil || c.last.Terminated != nil:
				stopped++
				if c.state.Terminated != nil && c.state.Terminated.ExitCode != 0 {
					failed++
				}
			default:
				waiting++
			}
		}
	}
	switch {
	case s.ended && (failed > 0 || waiting > 0 || stopped == 0):
		return corev1.PodFailed
	case s.ended:
		return corev1.PodSucceeded
	case waiting > 0:
		return corev1.PodPending
	}
	return corev1.PodRunning
}

func (s podState) conditions(phase corev1.PodPhase) []corev1.PodCondition {
	var uninitialized, unready []string
	for i := range s.containers {
		c := &s.containers[i]
		switch c.role {
		case roleInit:
			if !c.completed() {
				uninitialized = append(uninitialized, c.name)
			}
			continue
		case roleSidecar:
			if !c.started && !s.ending {
				uninitialized = append(uninitialized, c.name)
			}
		}
		if !c.ready {
			unready = append(unready, c.name)
		}
	}
	ready := condition(corev1.ContainersReady, len(unready) == 0, "ContainersNotReady", "containers with unready status", unready)
	if phase == corev1.PodSucceeded {
		ready.Reason, ready.Message = "PodCompleted", ""
	}
	podReady := ready
	podReady.Type = corev1.PodReady
	return []corev1.PodCondition{
		condition(corev1.PodReadyToStartContainers, s.podIP != "" && !s.ended, "", "", nil),
		condition(corev1.PodInitialized, len(uninitialized) == 0, "ContainersNotInitialized", "containers with incomplete status", uninitialized),
		podReady,
		ready,
		condition(corev1.PodScheduled, true, "", "", nil),
	}
}

func condition(kind corev1.PodConditionType, ok bool, reason, message string, names []string) corev1.PodCondition {
	if ok {
		return corev1.PodCondition{Type: kind, Status: corev1.ConditionTrue}
	}
	c := corev1.PodCondition{Type: kind, Status: corev1.ConditionFalse, Reason: reason}
	if len(names) > 0 {
		c.Message = fmt.Sprintf("%s: [%s]", message, strings.Join(names, " "))
	}
	return c
}

func keepTransitions(conditions, previous []corev1.PodCondition, now metav1.Time) []corev1.PodCondition {
	for i := range conditions {
		conditions[i].LastTransitionTime = now
		for _, old := range previous {
			if old.Type == conditions[i].Type && old.Status == conditions[i].Status {
				conditions[i].LastTransitionTime = old.LastTransitionTime
			}
		}
	}
	return conditions
}
