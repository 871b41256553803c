package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
)

const (
	// EgressName names the Deployment, the Service and the ServiceAccount of the fallback egress.
	EgressName = "istio-egressgateway-lazyxds"
	// ScopeLabel ties a Sidecar and a divert rule to a workload: the name its WorkloadScope has by default.
	ScopeLabel = "lazyxds.io/scope"
	// WhyAnnotation tells readers of an object of ours why it exists.
	WhyAnnotation = "lazyxds.io/why"

	// ControllerName names the controller's Deployment, and is its pods' label "app".
	ControllerName = "lazyxds"
	// istiodName is the label "app" of istiod's pods.
	istiodName = "istiod"

	objectPrefix = "lazyxds-"
	// refusalPrefix begins the names of the AuthorizationPolicies that refuse the fallback.
	refusalPrefix = objectPrefix + "refuse-"
	maxName       = 253
	maxLabel      = 63
)

// ScopeName is the name of the WorkloadScope that LazyXDS creates for a workload. Kinds contain no dash, so no two
// workloads of a namespace share one.
func ScopeName(w mesh.WorkloadKey) string {
	return shorten(strings.ToLower(w.Kind)+"-"+w.Name, maxName-len(objectPrefix))
}

// ObjectName is the name of a workload's Sidecar and of its divert rule.
func ObjectName(w mesh.WorkloadKey) string { return objectPrefix + ScopeName(w) }

// shorten fits a name into limit characters; what it cuts off is replaced by a hash of the whole.
func shorten(name string, limit int) string {
	if len(name) <= limit {
		return name
	}
	tail := "-" + digest(name)
	return strings.TrimRight(name[:limit-len(tail)], "-.") + tail
}

func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:5])
}

// kinds are the owners of pods that can be made lazy, whether there are any or not.
var kinds = []string{
	convert.KindDeployment, convert.KindStatefulSet, convert.KindDaemonSet, convert.KindCronJob, convert.KindJob,
	convert.KindReplicaSet, convert.KindPod,
}

// kindsOf lists the kinds that names of our objects may begin with, the way they are written there: the known ones, and those
// of unwatched owners, or of their scopes.
func kindsOf(s *mesh.Snapshot) map[string]bool {
	out := map[string]bool{}
	for _, kind := range kinds {
		out[strings.ToLower(kind)] = true
	}
	for i := range s.Workloads {
		out[strings.ToLower(s.Workloads[i].Kind)] = true
	}
	for i := range s.Scopes {
		out[strings.ToLower(s.Scopes[i].Workload.Kind)] = true
	}
	return out
}

// ownName tells whether a Sidecar or divert rule of a workload of one of the kinds could be called so. The fallback egress's
// own objects, which come with the installation, are not: their names have no workload's kind in them.
func ownName(kinds map[string]bool, name string) bool {
	rest, ok := strings.CutPrefix(name, objectPrefix)
	kind, _, found := strings.Cut(rest, "-")
	return ok && found && kinds[kind]
}
