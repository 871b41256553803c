package kubelet

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// inMemory is a namespace with these ConfigMaps and Secrets.
func inMemory(configMaps map[string]map[string]string, secrets map[string]map[string]string) objects {
	return objects{
		configMap: func(name string) (*corev1.ConfigMap, error) {
			data, ok := configMaps[name]
			if !ok {
				return nil, apierrors.NewNotFound(corev1.Resource("configmaps"), name)
			}
			return &corev1.ConfigMap{Data: data}, nil
		},
		secret: func(name string) (*corev1.Secret, error) {
			data, ok := secrets[name]
			if !ok {
				return nil, apierrors.NewNotFound(corev1.Resource("secrets"), name)
			}
			secret := &corev1.Secret{Data: map[string][]byte{}}
			for key, value := range data {
				secret.Data[key] = []byte(value)
			}
			return secret, nil
		},
	}
}

func examplePod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: "web-0", Namespace: "demo", UID: "1-2",
			Labels:      map[string]string{"app": "web", "version": "v1"},
			Annotations: map[string]string{"note": "a \"b\""},
		},
		Spec: corev1.PodSpec{
			NodeName: "lab", ServiceAccountName: "web",
			Containers: []corev1.Container{{
				Name: "app",
				Resources: corev1.ResourceRequirements{
					Limits:   corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("1500m")},
					Requests: corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("64Mi")},
				},
			}},
		},
	}
}

func exampleFields() fields {
	return fields{
		pod: examplePod(), podIP: "10.244.0.9", hostIP: "10.244.0.1",
		allocatable: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("4"), corev1.ResourceMemory: resource.MustParse("8Gi")},
	}
}

func TestExpandVariables(t *testing.T) {
	env := map[string]string{"A": "1", "B": "two $(A)"}
	for text, want := range map[string]string{
		"":                 "",
		"plain":            "plain",
		"$(A)":             "1",
		"x$(A)y$(A)":       "x1y1",
		"$(B)":             "two $(A)",
		"$(NONE)":          "$(NONE)",
		"$(NONE)$(A)":      "$(NONE)1",
		"$$(A)":            "$(A)",
		"$$$(A)":           "$1",
		"$A ${A} $(A":      "$A ${A} $(A",
		"100$":             "100$",
		"$(echo $(A))":     "$(echo 1)",
		"a $() b":          "a $() b",
		"$(A)$$$$(B) cost": "1$$(B) cost",
	} {
		if got := expandVariables(text, env); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	yes := true
	container := &corev1.Container{
		EnvFrom: []corev1.EnvFromSource{
			{Prefix: "C_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "conf"}}},
			{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "none"}, Optional: &yes}},
		},
		Env: []corev1.EnvVar{
			{Name: "PLAIN", Value: "v"},
			{Name: "USING", Value: "$(PLAIN)/$(C_x)/$(LATER)"},
			{Name: "LATER", Value: "l"},
			{Name: "IP", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "status.podIP"}}},
			{Name: "KEY", ValueFrom: &corev1.EnvVarSource{SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "sec"}, Key: "k"}}},
			{Name: "MAYBE", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "conf"}, Key: "none", Optional: &yes}}},
		},
	}
	source := envSource{
		objects:   inMemory(map[string]map[string]string{"conf": {"x": "y"}}, map[string]map[string]string{"sec": {"k": "s"}}),
		fields:    exampleFields(),
		container: container,
	}
	got, err := source.expand(map[string]string{"PLAIN": "of the image"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"C_x=y", "IP=10.244.0.9", "KEY=s", "LATER=l", "PLAIN=v", "USING=v/y/$(LATER)"}
	if diff := cmp.Diff(want, environList(got)); diff != "" {
		t.Error(diff)
	}
}

func TestEnvironmentTellsWhatIsMissing(t *testing.T) {
	ref := corev1.LocalObjectReference{Name: "conf"}
	for want, container := range map[string]*corev1.Container{
		`configmaps "conf" not found`: {EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: ref}}}},
		"couldn't find key k in Secret demo/conf": {Env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: ref, Key: "k"},
		}}}},
		"unsupported fieldPath: spec.nonsense": {Env: []corev1.EnvVar{{Name: "X", ValueFrom: &corev1.EnvVarSource{
			FieldRef: &corev1.ObjectFieldSelector{FieldPath: "spec.nonsense"},
		}}}},
	} {
		source := envSource{
			objects:   inMemory(nil, map[string]map[string]string{"conf": {}}),
			fields:    exampleFields(),
			container: container,
		}
		if _, err := source.expand(nil); err == nil || err.Error() != want {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestFields(t *testing.T) {
	f := exampleFields()
	for path, want := range map[string]string{
		"metadata.name":                "web-0",
		"metadata.namespace":           "demo",
		"metadata.uid":                 "1-2",
		"metadata.labels":              "app=\"web\"\nversion=\"v1\"",
		"metadata.labels['app']":       "web",
		"metadata.annotations['note']": `a "b"`,
		"metadata.annotations":         `note="a \"b\""`,
		"spec.nodeName":                "lab",
		"spec.serviceAccountName":      "web",
		"status.podIP":                 "10.244.0.9",
		"status.hostIP":                "10.244.0.1",
	} {
		if got, err := f.field(path); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", path, got, err, want)
		}
	}
}

func TestResourceFields(t *testing.T) {
	f := exampleFields()
	container, err := f.containerNamed("app")
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ resource, divisor, want string }{
		{"limits.cpu", "0", "2"}, // rounded up
		{"limits.cpu", "1m", "1500"},
		{"limits.memory", "1Mi", "8192"}, // the node's
		{"requests.memory", "0", "67108864"},
		{"requests.cpu", "1m", "1500"}, // the limit stands for it
	} {
		ref := &corev1.ResourceFieldSelector{Resource: test.resource, Divisor: resource.MustParse(test.divisor)}
		if got, err := f.resource(container, ref); err != nil || got != test.want {
			t.Errorf("%s by %s: %q, %v, want %q", test.resource, test.divisor, got, err, test.want)
		}
	}
}
