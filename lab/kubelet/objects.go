package kubelet

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
)

// objects reads the ConfigMaps and Secrets of one namespace.
type objects struct {
	configMap func(name string) (*corev1.ConfigMap, error)
	secret    func(name string) (*corev1.Secret, error)
}

// An objectReader reads from a watched cache, and asks the API server only for what is not there: a pod often comes in the
// same moment as its ConfigMaps.
type objectReader struct {
	client     kubernetes.Interface
	configMaps listers.ConfigMapLister
	secrets    listers.SecretLister
}

// in reads the objects of one namespace.
func (r *objectReader) in(ctx context.Context, namespace string) objects {
	return objects{
		configMap: func(name string) (*corev1.ConfigMap, error) {
			object, err := r.configMaps.ConfigMaps(namespace).Get(name)
			if !apierrors.IsNotFound(err) {
				return object, err
			}
			return r.client.CoreV1().ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
		},
		secret: func(name string) (*corev1.Secret, error) {
			object, err := r.secrets.Secrets(namespace).Get(name)
			if !apierrors.IsNotFound(err) {
				return object, err
			}
			return r.client.CoreV1().Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
		},
	}
}
