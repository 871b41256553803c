package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/vishvananda/netlink"

	"github.com/lazyxds/lazyxds/lab/netspace"
)

// makeNode makes the node's network namespace with its address, on a bridge without ports since not every kernel has
// dummy devices. The route sends the service range to that bridge: routing comes before kube-proxy's rules, and
// without a route the control plane could not reach a webhook's service.
func makeNode(lab string, addresses plan) error {
	if err := shareNetnsDir(); err != nil {
		return err
	}
	return netspace.Make(nodeNetns(lab), func() error { return configureNode(addresses) })
}

func configureNode(addresses plan) error {
	if err := netspace.Forward(); err != nil {
		return err
	}
	h, err := netlink.NewHandle()
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	bridge := &netlink.Bridge{LinkAttrs: netlink.LinkAttrs{Name: "node0"}}
	node := net.ParseIP(addresses.nodeIP)
	_, services, err := net.ParseCIDR(addresses.serviceCIDR)
	if err != nil {
		return err
	}
	if err := errors.Join(h.LinkSetUp(lo), h.LinkAdd(bridge), h.AddrAdd(bridge, netspace.Address(node)), h.LinkSetUp(bridge)); err != nil {
		return err
	}
	route := &netlink.Route{LinkIndex: bridge.Index, Scope: netlink.SCOPE_LINK, Dst: services, Src: node}
	if err := h.RouteAdd(route); err != nil {
		return fmt.Errorf("route the service range: %w", err)
	}
	return nil
}

// Dial connects to an address as seen from the lab's node, which reaches all pods and services.
func (l *Lab) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := netspace.In(nodeNetns(l.name), func() error {
		var d net.Dialer
		var err error
		conn, err = d.DialContext(ctx, network, address)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("dial %s in lab %s: %w", address, l.name, err)
	}
	return conn, nil
}
