package watch

import (
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
)

// Reference points at an object, the way an Event does. What is not watched, or gone, is pointed at by name only.
func (w *Watch) Reference(kind, namespace, name string) *corev1.ObjectReference {
	ref := &corev1.ObjectReference{Kind: kind, Namespace: namespace, Name: name}
	for _, s := range w.kinds {
		gvk, err := apiutil.GVKForObject(s.object, w.scheme)
		if err != nil || gvk.Kind != kind {
			continue
		}
		ref.APIVersion = gvk.GroupVersion().String()
		if *s.store == nil {
			break
		}
		if found, ok, err := (*s.store).GetByKey(cacheKey(namespace, name)); err == nil && ok {
			if object, ok := found.(client.Object); ok {
				ref.UID = object.GetUID()
			}
		}
		break
	}
	return ref
}

// cacheKey is the key of an object in a store; objects without a namespace have their name for one.
func cacheKey(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "/" + name
}
