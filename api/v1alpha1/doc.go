// Package v1alpha1 holds the Kubernetes API of LazyXDS: WorkloadScope, the durable record of what a workload calls.
//
// +kubebuilder:object:generate=true
// +groupName=lazyxds.io
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// GroupVersion is the API group and version of the types in this package.
var GroupVersion = schema.GroupVersion{Group: "lazyxds.io", Version: "v1alpha1"}

// AddToScheme registers the types of this package.
func AddToScheme(s *runtime.Scheme) error {
	s.AddKnownTypes(GroupVersion, &WorkloadScope{}, &WorkloadScopeList{})
	metav1.AddToGroupVersion(s, GroupVersion)
	return nil
}
