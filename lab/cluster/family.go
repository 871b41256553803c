package cluster

import (
	"fmt"
	"net"
	"strings"
)

// Family is the IP family of everything in a lab: its node, pods and Services.
type Family string

// The families a lab can have; IPv4 is the default.
const (
	IPv4 Family = "ipv4"
	IPv6 Family = "ipv6"
)

// Families lists the families a lab can have, the default one first.
func Families() []string { return []string{string(IPv4), string(IPv6)} }

// plan is the addresses of a lab. They are the same in every lab of a family, since no two labs share a network namespace.
type plan struct {
	any         string // what listens here listens on all addresses
	nodeIP      string
	podCIDR     string
	serviceCIDR string
	apiIP       string
	dnsIP       string
}

var plans = map[Family]plan{
	IPv4: {
		any:    "0.0.0.0",
		nodeIP: "10.244.0.1", podCIDR: "10.244.0.0/16",
		serviceCIDR: "10.96.0.0/12", apiIP: "10.96.0.1", dnsIP: "10.96.0.10",
	},
	IPv6: {
		any:    "::",
		nodeIP: "fd00:10:244::1", podCIDR: "fd00:10:244::/64",
		serviceCIDR: "fd00:10:96::/112", apiIP: "fd00:10:96::1", dnsIP: "fd00:10:96::a",
	},
}

// plan is the family's addresses.
func (f Family) plan() (plan, error) {
	p, ok := plans[f]
	if !ok {
		return plan{}, fmt.Errorf("IP family %q is not one of %s", f, strings.Join(Families(), " and "))
	}
	return p, nil
}

// apiAddress is where the API server listens, seen from the node.
func (p plan) apiAddress() string { return net.JoinHostPort(p.nodeIP, apiPort) }
