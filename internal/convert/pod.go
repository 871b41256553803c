package convert

import (
	"net/netip"
	"slices"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// ProxyContainer is the name Istio gives the sidecar's container.
const ProxyContainer = "istio-proxy"

// HasSidecar reports whether the pod carries Istio's proxy, as an ordinary or as a native sidecar.
func HasSidecar(p *corev1.Pod) bool { return proxyContainer(&p.Spec) != nil }

// DNSCapture is the environment variable, however it was set, by which the injector tells a proxy to answer DNS queries.
const DNSCapture = "ISTIO_META_DNS_CAPTURE"

// AnswersDNS reports whether the pod's proxy answers the DNS queries of its applications.
func AnswersDNS(p *corev1.Pod) bool {
	proxy := proxyContainer(&p.Spec)
	return proxy != nil && slices.ContainsFunc(proxy.Env, func(e corev1.EnvVar) bool {
		on, err := strconv.ParseBool(e.Value)
		return e.Name == DNSCapture && on && err == nil
	})
}

// ProxyStarted reports whether the pod's proxy has passed its startup probe, which it does with the first configuration that
// istiod sends it.
func ProxyStarted(p *corev1.Pod) bool {
	for _, statuses := range [][]corev1.ContainerStatus{p.Status.ContainerStatuses, p.Status.InitContainerStatuses} {
		for i := range statuses {
			if s := statuses[i]; s.Name == ProxyContainer {
				return s.Started != nil && *s.Started
			}
		}
	}
	return false
}

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
