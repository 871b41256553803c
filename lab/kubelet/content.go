package kubelet

import (
	"context"
	"fmt"
	"sync"
	"time"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
)

// A contentBuilder collects the files of one volume from the objects it is made of.
type contentBuilder struct {
	objects     objects
	fields      fields
	token       func(*corev1.ServiceAccountTokenProjection) (string, error)
	payload     *payload
	defaultMode int32
}

func (c *contentBuilder) mode(mode *int32) {
	c.defaultMode = corev1.ConfigMapVolumeSourceDefaultMode
	if mode != nil {
		c.defaultMode = *mode
	}
}

func (c *contentBuilder) add(path string, data []byte, mode *int32) {
	if mode == nil {
		mode = &c.defaultMode
	}
	c.payload.files[path] = payloadFile{data: data, mode: *mode}
}

func (c *contentBuilder) configMap(name string, items []corev1.KeyToPath, optional *bool) error {
	object, err := c.objects.configMap(name)
	if ignoreMissing(err, optional) {
		return nil
	}
	if err != nil {
		return err
	}
	data := map[string][]byte{}
	for key, value := range object.Data {
		data[key] = []byte(value)
	}
	for key, value := range object.BinaryData {
		data[key] = value
	}
	return c.keys("ConfigMap "+name, data, items, optional)
}

func (c *contentBuilder) secret(name string, items []corev1.KeyToPath, optional *bool) error {
	object, err := c.objects.secret(name)
	if ignoreMissing(err, optional) {
		return nil
	}
	if err != nil {
		return err
	}
	return c.keys("Secret "+name, object.Data, items, optional)
}

// keys adds the chosen keys of an object, or all if none is chosen.
func (c *contentBuilder) keys(object string, data map[string][]byte, items []corev1.KeyToPath, optional *bool) error {
	if len(items) == 0 {
		for key, value := range data {
			c.add(key, value, nil)
		}
		return nil
	}
	for _, item := range items {
		value, ok := data[item.Key]
		if !ok && isTrue(optional) {
			continue
		}
		if !ok {
			return fmt.Errorf("%s has no key %s", object, item.Key)
		}
		c.add(item.Path, value, item.Mode)
	}
	return nil
}

func (c *contentBuilder) downwardAPI(items []corev1.DownwardAPIVolumeFile) error {
	for _, item := range items {
		value, err := c.downwardValue(item)
		if err != nil {
			return err
		}
		c.add(item.Path, []byte(value), item.Mode)
	}
	return nil
}

func (c *contentBuilder) downwardValue(item corev1.DownwardAPIVolumeFile) (string, error) {
	if item.FieldRef != nil {
		return c.fields.field(item.FieldRef.FieldPath)
	}
	container, err := c.fields.containerNamed(item.ResourceFieldRef.ContainerName)
	if err != nil {
		return "", err
	}
	return c.fields.resource(container, item.ResourceFieldRef)
}

func (c *contentBuilder) projection(source *corev1.VolumeProjection) error {
	switch {
	case source.ConfigMap != nil:
		return c.configMap(source.ConfigMap.Name, source.ConfigMap.Items, source.ConfigMap.Optional)
	case source.Secret != nil:
		return c.secret(source.Secret.Name, source.Secret.Items, source.Secret.Optional)
	case source.DownwardAPI != nil:
		return c.downwardAPI(source.DownwardAPI.Items)
	case source.ServiceAccountToken != nil:
		token, err := c.token(source.ServiceAccountToken)
		if err != nil {
			return err
		}
		c.add(source.ServiceAccountToken.Path, []byte(token), nil)
		return nil
	}
	return fmt.Errorf("the lab's nodes do not support this kind of projected volume")
}

// A tokenCache holds the service account tokens of one pod and renews them in time.
type tokenCache struct {
	client kubernetes.Interface
	pod    *corev1.Pod

	mu     sync.Mutex
	tokens map[string]token
}

type token struct {
	text  string
	renew time.Time
}

// get is the token of that key, a new one if there is none or four fifths of its life are over.
func (t *tokenCache) get(ctx context.Context, key string, source *corev1.ServiceAccountTokenProjection, now time.Time) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, ok := t.tokens[key]; ok && now.Before(known.renew) {
		return known.text, nil
	}
	request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
		ExpirationSeconds: source.ExpirationSeconds,
		BoundObjectRef:    &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: t.pod.Name, UID: t.pod.UID},
	}}
	if source.Audience != "" {
		request.Spec.Audiences = []string{source.Audience}
	}
	accounts := t.client.CoreV1().ServiceAccounts(t.pod.Namespace)
	answer, err := accounts.CreateToken(ctx, t.pod.Spec.ServiceAccountName, request, metav1.CreateOptions{})
	if err != nil {
		return "", fmt.Errorf("fetch token: %w", err)
	}
	if t.tokens == nil {
		t.tokens = map[string]token{}
	}
	life := answer.Status.ExpirationTimestamp.Sub(now)
	t.tokens[key] = token{text: answer.Status.Token, renew: now.Add(life * 4 / 5)}
	return answer.Status.Token, nil
}
