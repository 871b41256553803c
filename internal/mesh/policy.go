package mesh

import (
	"slices"
	"strings"
	"time"
)

// PolicyAction is what an AuthorizationPolicy does with the requests that it matches.
type PolicyAction int

// The actions of a Policy that decide about requests.
const (
	Allow PolicyAction = iota
	Deny
	Custom // asks an external authorizer, which sees the caller
)

// Policy is the part of an Istio AuthorizationPolicy that tells callers apart.
type Policy struct {
	Key
	// Ours tells that LazyXDS manages it.
	Ours   bool
	Action PolicyAction
	// Selector selects the pods it holds for; empty for all pods of the namespace, or of the mesh in the root namespace.
	Selector map[string]string
	// Attached tells that it names what it holds for instead: Targets, in its namespace.
	Attached bool
	Targets  []PolicyTarget
	// Callers are the alternatives in its rules that depend on who calls.
	Callers []Caller
	// Target is the part of the spec, as JSON, that tells what it holds for.
	Target []byte
	// ReleasedAt is since when one of ours refuses nobody any more; zero while it does. It is kept on the object.
	ReleasedAt time.Time
	// Spec is the spec of one of ours as JSON, to tell whether anything changed.
	Spec []byte
}

// PolicyTarget is what a Policy is attached to.
type PolicyTarget struct {
	Kind string // Service, ServiceEntry or Gateway, the one of the Gateway API
	Name string
}

// Caller is a set of callers, as a rule describes it.
type Caller struct {
	// Names are lists of patterns of an [Identity], in which "*" stands for anything. In each list one has to match.
	Names [][]string
	// Opaque tells that more is asked of the caller than a name: not to have one, or its address.
	Opaque bool
	// ByAddress tells that its address is asked for, which also tells callers without a certificate apart.
	ByAddress bool
}

// Identity is the identity of a service account, without the trust domain that all workloads of a mesh share.
func Identity(namespace, serviceAccount string) string {
	return "/ns/" + namespace + "/sa/" + serviceAccount
}

// Matches tells whether the names that a rule asks for are those of an identity.
func (c Caller) Matches(identity string) bool {
	for _, names := range c.Names {
		if !slices.ContainsFunc(names, func(pattern string) bool { return matches(pattern, identity) }) {
			return false
		}
	}
	return true
}

func matches(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == s
	}
	rest, ok := strings.CutPrefix(s, parts[0])
	if !ok {
		return false
	}
	for _, part := range parts[1:last] {
		if _, rest, ok = strings.Cut(rest, part); !ok {
			return false
		}
	}
	return strings.HasSuffix(rest, parts[last])
}
