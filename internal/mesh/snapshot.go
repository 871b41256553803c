package mesh

import (
	"net/netip"
	"time"
)

// Snapshot is everything a decision may depend on, at one moment. It is never changed once built; its slices are in no
// particular order and may not be relied on to be sorted.
type Snapshot struct {
	Namespaces       []Namespace
	Services         []Service
	VirtualServices  []VirtualService
	DestinationRules []DestinationRule
	Sidecars         []Sidecar // all Sidecars of the mesh, ours included
	Workloads        []Workload
	DivertRules      []DivertRule // EnvoyFilters written by LazyXDS
	Scopes           []Scope      // WorkloadScope objects
	References       []Reference
	Policies         []Policy // all AuthorizationPolicies that are enforced, ours included
	Egress           Egress
	Istio            Istio
	// ServiceCIDRs are the ranges that ClusterIPs are taken from, as the cluster's ServiceCIDR objects say.
	ServiceCIDRs []netip.Prefix
}

// Istio is what is known of the control plane.
type Istio struct {
	// Version is the oldest version among running istiod pods ("1.29.1"), empty where their image tags name none.
	Version string
}

// Reference is a service that proxies call by themselves because configuration names it: a tracer, an access-log sink, an
// authorizer, a rate limiter. No application dials it, so nothing of it is ever seen at the fallback.
type Reference struct {
	// Namespace is where the proxies are that call it; empty for everywhere.
	Namespace string
	Host      Host
	// By is what names it, for people: "EnvoyFilter istio-system/ratelimit".
	By string
}

// Egress is the state of the fallback egress.
type Egress struct {
	// Ready is the number of ready endpoints of its Service.
	Ready int
	// Since is when Ready last became zero, or ceased to be, as far as this replica of the controller has seen; the zero time if it
	// never was zero.
	Since time.Time
	// Addresses are those of its pods, ready or not.
	Addresses []netip.Addr
	// Missing names what the fallback needs and does not have: EnvoyFilters, the DestinationRule, the Sidecar
	// ("EnvoyFilter istio-system/lazyxds-egress-als").
	Missing []string
}

// Namespace is a Kubernetes Namespace.
type Namespace struct {
	Name string
	// Lazy is the value of its lazy-xds annotation, verbatim; empty if it has none.
	Lazy string
	// Inject tells that pods get a sidecar by default here (istio-injection=enabled or istio.io/rev).
	Inject bool
	// Undiscovered tells that istiod does not know it: the mesh configuration's discoverySelectors leave it out.
	Undiscovered bool
	// Terminating tells that it is being deleted, with all that is in it.
	Terminating bool
	Patterns    Patterns
}

// Patterns are what the annotations of an object want in the scopes of its workloads, or kept out of them: "namespace/host"
// patterns, verbatim.
type Patterns struct {
	Include, Exclude []string
}

// Empty tells that nothing is wanted.
func (p Patterns) Empty() bool { return len(p.Include)+len(p.Exclude) == 0 }

// ServiceKind tells where a Service comes from.
type ServiceKind int

// The kinds of Service.
const (
	KubernetesService ServiceKind = iota
	ServiceEntry
)

// Service is one host of Istio's service registry: a Kubernetes Service, or one host of a ServiceEntry.
type Service struct {
	Key  // of the object: the Service or the ServiceEntry
	Kind ServiceKind
	Host Host
	// Addresses are the virtual addresses clients dial: ClusterIPs, or the ServiceEntry's addresses, auto-allocated ones
	// included. Empty for headless services and for ServiceEntries dialled by their real address.
	Addresses []netip.Prefix
	// AutoAllocated tells that Addresses come from istiod's automatic allocation only: clients dial them only where the
	// sidecar's DNS proxy is on.
	AutoAllocated bool
	// Headless tells that clients dial the endpoints' own addresses.
	Headless bool
	// External is the name an ExternalName Service stands for; empty for others.
	External Host
	Ports    []Port
	// ExportTo is who may see it: namespaces, "." or "*". Empty means everyone.
	ExportTo []string
	// Selector selects the pods of a Service, or the workloads of a ServiceEntry; empty for none.
	Selector map[string]string
	// Lazy is the value of a Kubernetes Service's lazy-xds annotation, verbatim: a ServiceEntry enrols nobody.
	Lazy     string
	Patterns Patterns
}

// Protocol is how a service port is served, as far as scopes care.
type Protocol int

// The protocols of a port. Undeclared ports are sniffed by the sidecar.
const (
	Undeclared Protocol = iota
	HTTP                // HTTP/1.1, HTTP/2, gRPC, gRPC-Web: listeners of one port are shared by all hosts (0.0.0.0_PORT)
	TCP                 // TCP, Mongo, MySQL, Redis: a listener per virtual address
	TLS                 // TLS, HTTPS: routed by SNI
	UDP                 // not handled by sidecars
)

// Port is a port of a Service.
type Port struct {
	Number   uint16
	Name     string
	Protocol Protocol
}

// VirtualService is the part of an Istio VirtualService that scopes depend on. Routes of the Gateway API that are attached to
// services appear as VirtualServices too, as istiod itself converts them.
type VirtualService struct {
	Key
	// Kind is that of the object: VirtualService, HTTPRoute, GRPCRoute, TLSRoute or TCPRoute.
	Kind string
	// Hosts are fully qualified: short names are resolved against the VirtualService's namespace, as Istio does.
	Hosts []Host
	// Mesh tells that it applies to sidecars (gateways is empty or contains "mesh").
	Mesh bool
	// Destinations are the hosts its routes, mirrors and delegates send traffic to, fully qualified.
	Destinations []Host
	// ExportTo is who may see it: namespaces, "." or "*". Empty means everyone.
	ExportTo []string
}

// String names the object for people: "HTTPRoute demo/reviews".
func (v *VirtualService) String() string { return v.Kind + " " + v.Key.String() }

// DestinationRule is the part of an Istio DestinationRule that scopes depend on.
type DestinationRule struct {
	Key
	// Host is whom it is about, fully qualified; it may be a wildcard.
	Host Host
	// ExportTo is who may see it: namespaces, "." or "*". Empty means everyone.
	ExportTo []string
}

// Sidecar is an Istio Sidecar resource.
type Sidecar struct {
	Key
	// Ours tells that LazyXDS manages it (label app.kubernetes.io/managed-by=lazyxds).
	Ours bool
	// Selector is its workloadSelector; empty means the whole namespace (or the mesh, in the root namespace).
	Selector map[string]string
	// Hosts are the egress hosts ("ns/host") of ours that the proxies may call, in order; unset for foreign ones.
	Hosts []string
	// Warm are the hosts of ours that the proxies hold clusters of, but neither routes nor listeners; in order.
	Warm []string
	// WarmSince is since when Warm is what it is; zero if the object does not tell.
	WarmSince time.Time
	// Created is the creation time of the object.
	Created time.Time
	// Spec is the object's spec as JSON; set only in the root namespace, where the mesh's Sidecar has fields that ours carry over
	// and the egress's has to agree, and for ours, to tell whether anything changed.
	Spec []byte
}

// DivertRule is a live EnvoyFilter of ours.
type DivertRule struct {
	Key
	Selector map[string]string
	Created  time.Time
	// Observes tells that it diverts nothing yet: its workload is only observed.
	Observes bool
	// Reports tells that it makes the workload's own sidecars report what they call.
	Reports bool
	// DivertsSince is when it began to divert; meaningless if it does not.
	DivertsSince time.Time
	// PodCIDRs are the ranges of pods' addresses that it diverts, as it tells; empty for none.
	PodCIDRs string
	// WidenedAt is when its workload was given the full scope back; zero while it is lazy. It is kept on the object.
	WidenedAt time.Time
	// Spec is the object's spec as JSON, to tell whether anything changed.
	Spec []byte
}

// Workload is an owner of pods that could be made lazy.
type Workload struct {
	WorkloadKey
	UID string
	// Selector is what its Sidecar selects by: the owner's matchLabels, or the pod template's labels where the owner has
	// no stable selector (CronJob, Pod).
	Selector map[string]string
	// Labels are the pod template's labels.
	Labels map[string]string
	// FromPods tells that the owner itself is not watched: Selector and Labels are what its pods have in common now.
	FromPods bool
	// Lazy is the value of the nearest lazy-xds annotation, verbatim: pod template, else owner.
	Lazy string
	// Patterns are those of the pod template and of the owner.
	Patterns Patterns
	// Inject is the pod template's sidecar.istio.io/inject label or annotation ("true", "false"); empty for neither.
	Inject string
	// Gateway tells that its proxies are gateways, which no Sidecar applies to.
	Gateway bool
	// NoRedirect tells that interception is off (sidecar.istio.io/interceptionMode: NONE): nothing can be diverted.
	NoRedirect bool
	// HostNetwork tells that its pods have the addresses of their nodes.
	HostNetwork bool
	// Running counts its pods that have an address, WithSidecar those of them that carry a sidecar. A pod whose sidecar has not
	// started yet counts as neither: it has no configuration that it could lose.
	Running, WithSidecar int
	// AnswersDNS tells that sidecars of its pods, started or not, answer DNS queries.
	AnswersDNS bool
	// ServiceAccount is the pods' service account name.
	ServiceAccount string
}

// Scope is a WorkloadScope object: the user's intent and what was learned.
type Scope struct {
	Key
	// Ours tells that LazyXDS created it; a user's own is never deleted.
	Ours       bool
	Workload   WorkloadKey
	Generation int64
	// Mode is the user's override: "true", "false", "observe" or empty for what annotations say.
	Mode string
	// Include are "namespace/host" patterns always in scope, Exclude ones never in scope.
	Include, Exclude []string
	// IdleTTL is how long a dependency may go unused, 0 for ever; nil for what the installation says.
	IdleTTL      *time.Duration
	Dependencies []Dependency
	// Gone is when the workload was first found missing; zero while it exists.
	Gone time.Time
}

// Dependency is one host that a workload was seen to call.
type Dependency struct {
	Host      Host
	FirstSeen time.Time
	// ExpiresAt is when it leaves the scope unless it is used; zero for never.
	ExpiresAt time.Time
}

// Tenancy is the time during which one pod held an address.
type Tenancy struct {
	Workload WorkloadKey
	// From is when the pod was created; Until when it was seen to have ended, zero while it lives.
	From, Until time.Time
}
