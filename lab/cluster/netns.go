package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"

	"github.com/vishvananda/netlink"

	"github.com/lazyxds/lazyxds/lab/netspace"
)

// makeNode makes the node's network namespace with its address, on a bridge without ports since not every kernel has
// dummy devices. The route sends the service range to that bridge: routing comes before kube-proxy's rules, and
// without a route the control plane could not reach a webhook's service.
func makeNode(lab string) error {
	if err := shareNetnsDir(); err != nil {
		return err
	}
	return netspace.Make(nodeNetns(lab), configureNode)
}

func configureNode() error {
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
	addr, err := netlink.ParseAddr(nodeIP + "/32")
	if err != nil {
		return err
	}
	_, services, err := net.ParseCIDR(serviceCIDR)
	if err != nil {
		return err
	}
	if err := errors.Join(h.LinkSetUp(lo), h.LinkAdd(bridge), h.AddrAdd(bridge, addr), h.LinkSetUp(bridge)); err != nil {
		return err
	}
	route := &netlink.Route{LinkIndex: bridge.Index, Scope: netlink.SCOPE_LINK, Dst: services, Src: addr.IP}
	if err := h.RouteAdd(route); err != nil {
		return fmt.Errorf("route the service range: %w", err)
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
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
