package convert

import (
	"net/netip"
	"regexp"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// ProxyContainer is the name Istio gives the sidecar's container.
const ProxyContainer = "istio-proxy"

// HasSidecar reports whether the pod carries Istio's proxy, as an ordinary or as a native sidecar.
func HasSidecar(p *corev1.Pod) bool { return proxyContainer(&p.Spec) != nil }

func proxyContainer(spec *corev1.PodSpec) *corev1.Container {
	for _, containers := range [][]corev1.Container{spec.Containers, spec.InitContainers} {
		for i := range containers {
			if containers[i].Name == ProxyContainer {
				return &containers[i]
			}
		}
	}
	return nil
}

// PodAddresses are the addresses that are the pod's alone: none on the host's network.
func PodAddresses(p *corev1.Pod) []netip.Addr {
	if p.Spec.HostNetwork {
		return nil
	}
	ips := p.Status.PodIPs
	if len(ips) == 0 && p.Status.PodIP != "" {
		ips = []corev1.PodIP{{IP: p.Status.PodIP}}
	}
	var out []netip.Addr
	for _, ip := range ips {
		if addr, err := netip.ParseAddr(ip.IP); err == nil {
			out = append(out, addr.Unmap())
		}
	}
	return out
}

// PodEnd is when a finished pod stopped holding its addresses. It reports false while the pod may still run: also one that
// is being deleted keeps its addresses until it has finished.
func PodEnd(p *corev1.Pod) (time.Time, bool) {
	if !podFinished(p) {
		return time.Time{}, false
	}
	var end time.Time
	for i := range p.Status.ContainerStatuses {
		if t := p.Status.ContainerStatuses[i].State.Terminated; t != nil && t.FinishedAt.After(end) {
			end = t.FinishedAt.Time
		}
	}
	return end, true
}

func podFinished(p *corev1.Pod) bool {
	return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
}

// Owner is what a pod's metadata tells of its workload.
type Owner struct {
	mesh.WorkloadKey
	// Guess is the controller's own controller, as far as names reveal it: a Deployment's ReplicaSets carry the hash that
	// its pods are labelled with, and a CronJob's Jobs end in their scheduled minute. Zero if they reveal nothing.
	Guess mesh.WorkloadKey
}

// cronJobName takes apart the name of a Job that a CronJob started: the schedule's time in minutes since 1970.
var cronJobName = regexp.MustCompile(`^(.+)-\d{8,10}$`)

// PodOwner tells which object controls the pod: the pod itself where nothing does.
func PodOwner(p *corev1.Pod) Owner {
	controller := metav1.GetControllerOf(p)
	if controller == nil {
		return Owner{WorkloadKey: mesh.WorkloadKey{Namespace: p.Namespace, Kind: KindPod, Name: p.Name}}
	}
	out := Owner{WorkloadKey: mesh.WorkloadKey{Namespace: p.Namespace, Kind: controller.Kind, Name: controller.Name}}
	switch controller.Kind {
	case KindReplicaSet:
		hash := p.Labels["pod-template-hash"]
		if name, ok := strings.CutSuffix(controller.Name, "-"+hash); ok && hash != "" {
			out.Guess = mesh.WorkloadKey{Namespace: p.Namespace, Kind: KindDeployment, Name: name}
		}
	case KindJob:
		if match := cronJobName.FindStringSubmatch(controller.Name); match != nil {
			out.Guess = mesh.WorkloadKey{Namespace: p.Namespace, Kind: KindCronJob, Name: match[1]}
		}
	}
	return out
}
