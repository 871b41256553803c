package kubelet

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// envSource is where a container's environment comes from.
type envSource struct {
	objects   objects
	fields    fields
	container *corev1.Container
}

// baseEnv is what every container of a pod has before its own variables are set.
func (cfg Config) baseEnv(pod *corev1.Pod, img image) map[string]string {
	env := map[string]string{
		"PATH":                          "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		"HOSTNAME":                      hostname(pod),
		"HOME":                          "/",
		"KUBERNETES_SERVICE_HOST":       cfg.ServiceIP,
		"KUBERNETES_SERVICE_PORT":       "443",
		"KUBERNETES_SERVICE_PORT_HTTPS": "443",
	}
	for _, e := range img.env {
		name, value, _ := strings.Cut(e, "=")
		env[name] = value
	}
	return env
}

// expand adds the container's variables to env. Each may use the ones before it as $(NAME).
func (s envSource) expand(env map[string]string) (map[string]string, error) {
	env = maps.Clone(env)
	for _, from := range s.container.EnvFrom {
		data, err := s.from(from)
		if err != nil {
			return nil, err
		}
		for name, value := range data {
			env[from.Prefix+name] = value
		}
	}
	for _, e := range s.container.Env {
		if e.ValueFrom == nil {
			env[e.Name] = expandVariables(e.Value, env)
			continue
		}
		value, ok, err := s.value(e.ValueFrom)
		if err != nil {
			return nil, err
		}
		if ok {
			env[e.Name] = value
		}
	}
	return env, nil
}

// from is the content of an envFrom source.
func (s envSource) from(from corev1.EnvFromSource) (map[string]string, error) {
	switch {
	case from.ConfigMapRef != nil:
		object, err := s.objects.configMap(from.ConfigMapRef.Name)
		if ignoreMissing(err, from.ConfigMapRef.Optional) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		return object.Data, nil
	case from.SecretRef != nil:
		object, err := s.objects.secret(from.SecretRef.Name)
		if ignoreMissing(err, from.SecretRef.Optional) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		data := map[string]string{}
		for name, value := range object.Data {
			data[name] = string(value)
		}
		return data, nil
	}
	return nil, nil
}

// value is what a valueFrom stands for; false if it is optional and not there.
func (s envSource) value(from *corev1.EnvVarSource) (value string, ok bool, err error) {
	switch {
	case from.FieldRef != nil:
		value, err = s.fields.field(from.FieldRef.FieldPath)
		return value, err == nil, err
	case from.ResourceFieldRef != nil:
		value, err = s.resource(from.ResourceFieldRef)
		return value, err == nil, err
	case from.ConfigMapKeyRef != nil:
		return s.configMapKey(from.ConfigMapKeyRef)
	case from.SecretKeyRef != nil:
		return s.secretKey(from.SecretKeyRef)
	}
	return "", false, nil
}

func (s envSource) resource(ref *corev1.ResourceFieldSelector) (string, error) {
	if ref.ContainerName == "" {
		return s.fields.resource(s.container, ref)
	}
	container, err := s.fields.containerNamed(ref.ContainerName)
	if err != nil {
		return "", err
	}
	return s.fields.resource(container, ref)
}

func (s envSource) configMapKey(ref *corev1.ConfigMapKeySelector) (string, bool, error) {
	object, err := s.objects.configMap(ref.Name)
	if ignoreMissing(err, ref.Optional) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return pick(object.Data, ref.Key, ref.Optional, fmt.Sprintf("ConfigMap %s/%s", s.fields.pod.Namespace, ref.Name))
}

func (s envSource) secretKey(ref *corev1.SecretKeySelector) (string, bool, error) {
	object, err := s.objects.secret(ref.Name)
	if ignoreMissing(err, ref.Optional) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return pick(object.Data, ref.Key, ref.Optional, fmt.Sprintf("Secret %s/%s", s.fields.pod.Namespace, ref.Name))
}

// pick takes one key of an object's data; a missing one is no value if it is optional.
func pick[T string | []byte](data map[string]T, key string, optional *bool, object string) (string, bool, error) {
	value, ok := data[key]
	if !ok && !isTrue(optional) {
		return "", false, fmt.Errorf("couldn't find key %s in %s", key, object)
	}
	return string(value), ok, nil
}

// ignoreMissing says whether err only means that something optional is not there.
func ignoreMissing(err error, optional *bool) bool {
	return isTrue(optional) && apierrors.IsNotFound(err)
}

func isTrue(b *bool) bool { return b != nil && *b }

// environList is env as exec wants it, sorted.
func environList(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for _, name := range slices.Sorted(maps.Keys(env)) {
		list = append(list, name+"="+env[name])
	}
	return list
}

// expandVariables replaces $(NAME) by the variable's value. Unknown names stay as they are, and $$ stands for one $.
func expandVariables(text string, env map[string]string) string {
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(text, "$")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		text = rest
		if after, ok := strings.CutPrefix(rest, "$"); ok {
			out.WriteByte('$')
			text = after
			continue
		}
		if name, after, ok := strings.Cut(rest, ")"); ok && strings.HasPrefix(name, "(") {
			if value, known := env[name[1:]]; known {
				out.WriteString(value)
				text = after
				continue
			}
		}
		out.WriteByte('$')
	}
}
