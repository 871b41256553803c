package watch

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestPokes(t *testing.T) {
	deployment := func(generation int64, version, annotation string) *appsv1.Deployment {
		return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{
			Generation: generation, ResourceVersion: version, Annotations: map[string]string{"lazy-xds": annotation},
		}}
	}
	changed := func(p *corev1.Pod, change func(*corev1.Pod)) *corev1.Pod {
		p = p.DeepCopy()
		change(p)
		return p
	}
	a := pod("a", 0, "10.1.2.3")
	w := &Watch{addresses: newAddressBook()}
	tests := map[string]struct {
		before, after any
		want          bool
	}{
		"status of a deployment":   {deployment(1, "1", ""), deployment(1, "2", ""), false},
		"spec of a deployment":     {deployment(1, "1", ""), deployment(2, "2", ""), true},
		"annotation":               {deployment(1, "1", ""), deployment(1, "2", "true"), true},
		"probes of a pod":          {a, changed(a, func(p *corev1.Pod) { p.ResourceVersion = "2" }), false},
		"end of a pod":             {a, ended(a, 1), true},
		"another address of a pod": {a, changed(a, func(p *corev1.Pod) { p.Status.PodIPs[0].IP = "10.1.2.4" }), true},
		"labels of a pod":          {a, changed(a, func(p *corev1.Pod) { p.Labels = map[string]string{"a": "b"} }), true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			poked := false
			w.poke = func() { poked = true }
			handler := onChange(intent, w.poke)
			if _, ok := tt.after.(*corev1.Pod); ok {
				handler = w.podHandler()
			}
			handler.OnUpdate(tt.before, tt.after)
			if poked != tt.want {
				t.Errorf("poked = %v, want %v", poked, tt.want)
			}
		})
	}
}
