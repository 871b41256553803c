package kubelet

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// fields answers the downward API: what a pod may learn about itself.
type fields struct {
	pod           *corev1.Pod
	podIP, hostIP string
	allocatable   corev1.ResourceList // what a container without limits may use
}

// field is the value of a fieldRef.
func (f fields) field(path string) (string, error) {
	if name, key, ok := strings.Cut(strings.TrimSuffix(path, "']"), "['"); ok {
		switch name {
		case "metadata.labels":
			return f.pod.Labels[key], nil
		case "metadata.annotations":
			return f.pod.Annotations[key], nil
		}
	}
	switch path {
	case "metadata.name":
		return f.pod.Name, nil
	case "metadata.namespace":
		return f.pod.Namespace, nil
	case "metadata.uid":
		return string(f.pod.UID), nil
	case "metadata.labels":
		return formatMap(f.pod.Labels), nil
	case "metadata.annotations":
		return formatMap(f.pod.Annotations), nil
	case "spec.nodeName":
		return f.pod.Spec.NodeName, nil
	case "spec.serviceAccountName":
		return f.pod.Spec.ServiceAccountName, nil
	case "status.podIP", "status.podIPs":
		return f.podIP, nil
	case "status.hostIP", "status.hostIPs":
		return f.hostIP, nil
	}
	return "", fmt.Errorf("unsupported fieldPath: %s", path)
}

// formatMap writes labels or annotations as the downward API does, sorted.
func formatMap(m map[string]string) string {
	lines := make([]string, 0, len(m))
	for key, value := range m {
		lines = append(lines, key+"="+strconv.Quote(value))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// resource is the value of a resourceFieldRef. A limit that is not set is what the node has.
func (f fields) resource(container *corev1.Container, ref *corev1.ResourceFieldSelector) (string, error) {
	kind, name, ok := strings.Cut(ref.Resource, ".")
	if !ok || kind != "limits" && kind != "requests" {
		return "", fmt.Errorf("unsupported container resource: %s", ref.Resource)
	}
	resource := corev1.ResourceName(name)
	quantity, set := container.Resources.Limits[resource]
	if request, ok := container.Resources.Requests[resource]; kind == "requests" && ok {
		quantity, set = request, true
	}
	if !set && kind == "limits" {
		quantity = f.allocatable[resource]
	}
	divisor := ref.Divisor.MilliValue()
	if divisor == 0 {
		divisor = 1000
	}
	return strconv.FormatInt((quantity.MilliValue()+divisor-1)/divisor, 10), nil
}

// containerNamed is the pod's container of that name.
func (f fields) containerNamed(name string) (*corev1.Container, error) {
	for _, list := range [][]corev1.Container{f.pod.Spec.InitContainers, f.pod.Spec.Containers} {
		for i := range list {
			if list[i].Name == name {
				return &list[i], nil
			}
		}
	}
	return nil, fmt.Errorf("container %s not found", name)
}
