package v1alpha1

import metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

// WorkloadScope says which services one workload needs: its spec is what the user wants, its status what was learned.
// The controller creates one for each lazy workload, in the workload's namespace.
//
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=wscope,categories=lazyxds
// +kubebuilder:printcolumn:name="Kind",type=string,JSONPath=`.spec.workload.kind`
// +kubebuilder:printcolumn:name="Workload",type=string,JSONPath=`.spec.workload.name`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].reason`
// +kubebuilder:printcolumn:name="Services",type=integer,JSONPath=`.status.services`
// +kubebuilder:printcolumn:name="Learned",type=integer,JSONPath=`.status.learned`
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
type WorkloadScope struct {
	metav1.TypeMeta   `json:",inline"`
	metav1.ObjectMeta `json:"metadata,omitempty"`

	Spec WorkloadScopeSpec `json:"spec"`
	// +optional
	Status WorkloadScopeStatus `json:"status,omitempty"`
}

// WorkloadScopeList is a list of WorkloadScopes.
//
// +kubebuilder:object:root=true
type WorkloadScopeList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`

	Items []WorkloadScope `json:"items"`
}

// Mode overrides what the lazy-xds annotations say for one workload.
//
// +kubebuilder:validation:Enum=Lazy;Full;Observe
type Mode string

// The modes of a WorkloadScope.
const (
	ModeLazy Mode = "Lazy" // only what the workload uses, the fallback egress for the rest
	ModeFull Mode = "Full" // everything, as without LazyXDS
	// ModeObserve narrows nothing, but records what the workload calls, so that it can become lazy with a full scope.
	ModeObserve Mode = "Observe"
)

// WorkloadScopeSpec is the user's intent.
type WorkloadScopeSpec struct {
	// workload is the owner of the pods this scope is for.
	Workload WorkloadReference `json:"workload"`
	// mode overrides the lazy-xds annotations of the workload, its Services and its namespace. Unset: they decide.
	// +optional
	Mode Mode `json:"mode,omitempty"`
	// include lists services that are always in scope, as "namespace/host"; either part may be "*", and a host may begin
	// with "*.".
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	Include []HostPattern `json:"include,omitempty"`
	// exclude lists services that are never put in scope because they were called: their traffic keeps taking the
	// fallback egress. It is written like include, and include wins.
	// +optional
	// +listType=set
	// +kubebuilder:validation:MaxItems=256
	Exclude []HostPattern `json:"exclude,omitempty"`
	// idleTTL is how long a learned service may go unused before it leaves the scope: "24h", at least 1m; "0s" for ever. Unset:
	// what the installation says. For it the workload's own sidecars report what they call.
	// +optional
	// +kubebuilder:validation:XValidation:rule="duration(self) == duration('0s') || duration(self) >= duration('1m')",message="must be at least 1m, or 0s"
	IdleTTL *metav1.Duration `json:"idleTTL,omitempty"`
}

// HostPattern names services as "namespace/host", the way the hosts of an Istio Sidecar do.
//
// +kubebuilder:validation:MaxLength=317
// +kubebuilder:validation:Pattern=`^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)/(\*|(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$`
type HostPattern string

// WorkloadReference names a workload in the scope's own namespace.
//
// +kubebuilder:validation:XValidation:rule="self == oldSelf",message="a scope cannot be moved to another workload: delete it and create another"
type WorkloadReference struct {
	// kind is the kind of the pods' owner: Deployment, StatefulSet, DaemonSet, CronJob, Job, ReplicaSet, Pod, or any other kind
	// whose objects own pods, such as Rollout.
	// +kubebuilder:validation:Pattern=`^[A-Z][A-Za-z0-9]*$`
	// +kubebuilder:validation:MaxLength=63
	Kind string `json:"kind"`
	// name is the name of the pods' owner.
	// +kubebuilder:validation:MinLength=1
	// +kubebuilder:validation:MaxLength=253
	Name string `json:"name"`
}

// WorkloadScopeStatus is what was learned and what came of it.
type WorkloadScopeStatus struct {
	// observedGeneration is the generation of the spec that the conditions speak of.
	// +optional
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`
	// selector is the pod labels that the scope's Sidecar selects by.
	// +optional
	Selector map[string]string `json:"selector,omitempty"`
	// services is the number of services in scope, for whatever reason; of an observed workload, those that would be.
	// +optional
	Services int32 `json:"services,omitempty"`
	// learned is the number of services in scope because the workload was seen to call them.
	// +optional
	Learned int32 `json:"learned,omitempty"`
	// dependencies lists the services in scope, and why each is.
	// +optional
	// +listType=map
	// +listMapKey=host
	Dependencies []Dependency `json:"dependencies,omitempty"`
	// expiry tells by what learned services leave the scope again; unset while none ever does.
	// +optional
	Expiry *Expiry `json:"expiry,omitempty"`
	// conditions: Accepted tells whether the spec makes sense, Ready whether the workload is lazy right now.
	// +optional
	// +listType=map
	// +listMapKey=type
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Source tells why a service is in scope.
//
// +kubebuilder:validation:Enum=Observed;Include;System;Headless;Unaddressed;Private;SharedPort;Route;Policy
type Source string

// The sources of a dependency.
const (
	SourceObserved    Source = "Observed"    // the workload called it
	SourceInclude     Source = "Include"     // the user asked for it
	SourceSystem      Source = "System"      // the fallback egress itself and the API server
	SourceHeadless    Source = "Headless"    // dialled by pod address, which the fallback cannot tell from others
	SourceUnaddressed Source = "Unaddressed" // a ServiceEntry without a virtual address: dialled by its real one
	SourcePrivate     Source = "Private"     // the fallback does not see it, or would route it otherwise
	SourceSharedPort  Source = "SharedPort"  // declared TCP on a port number where an HTTP listener is in scope
	SourceRoute       Source = "Route"       // a route of a service in scope sends traffic to it
	SourcePolicy      Source = "Policy"      // an AuthorizationPolicy tells its callers apart, which the fallback cannot stand in for
)

// Sighting tells what in a request named the service.
//
// +kubebuilder:validation:Enum=Dialled;Authority;Upstream
type Sighting string

// The sightings of a dependency.
const (
	SeenDialled   Sighting = "Dialled"   // the client connected to the service's address
	SeenAuthority Sighting = "Authority" // the request's authority named it
	SeenUpstream  Sighting = "Upstream"  // routing sent the request to it
)

// Dependency is one service in a workload's scope.
type Dependency struct {
	// host is the fully qualified name of the service.
	// +kubebuilder:validation:MaxLength=253
	Host string `json:"host"`
	// namespace is where the service, or the ServiceEntry that defines it, lives.
	// +optional
	Namespace string `json:"namespace,omitempty"`
	// source tells why the service is in scope.
	Source Source `json:"source"`
	// seenAs tells, for observed services, what in the requests named it.
	// +optional
	// +listType=set
	SeenAs []Sighting `json:"seenAs,omitempty"`
	// ports are the service's ports that were called; unset where the source is not Observed.
	// +optional
	// +listType=set
	Ports []int32 `json:"ports,omitempty"`
	// firstSeen is when the first call was seen.
	// +optional
	FirstSeen *metav1.Time `json:"firstSeen,omitempty"`
	// lastSeen is when a call was last seen, to the hour, or to an eighth of idleTTL if that is less. Direct calls are only seen
	// where the workload's own sidecars report: with an idleTTL, or if it was observed before it became lazy.
	// +optional
	LastSeen *metav1.Time `json:"lastSeen,omitempty"`
	// expiresAt is when the service leaves the scope unless a call is seen; unset for never. It waits while the workload's
	// sidecars are silent.
	// +optional
	ExpiresAt *metav1.Time `json:"expiresAt,omitempty"`
}

// Expiry is the evidence that learned services leave the scope by. A service that nobody was seen to call is unused only as far
// as there was somebody to tell.
type Expiry struct {
	// idleTTL is how long a learned service may go unused: that of the spec, else the installation's.
	// +kubebuilder:validation:XValidation:rule="duration(self) > duration('0s')",message="must be more than 0s"
	IdleTTL metav1.Duration `json:"idleTTL"`
	// reportsSince is since when the workload's own sidecars have been heard without a silence of half an idleTTL. Nothing
	// expires earlier than an idleTTL after it.
	// +optional
	ReportsSince *metav1.Time `json:"reportsSince,omitempty"`
	// lastReport is when they were last heard, as exactly as lastSeen.
	// +optional
	LastReport *metav1.Time `json:"lastReport,omitempty"`
}

// The condition types of a WorkloadScope.
const (
	ConditionAccepted = "Accepted"
	ConditionReady    = "Ready"
)
