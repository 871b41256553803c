package kubelet

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"regexp"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/lazyxds/lazyxds/lab/netspace"
)

// network gives every pod a network namespace of its own, with one routed address. There is no bridge: all traffic of a pod
// passes the node's IP stack, where kube-proxy's rules are, and servers see their clients' own addresses.
type network struct {
	prefix    string
	nodeIP    netip.Addr
	addresses *addresses
}

func newNetwork(cfg Config) (*network, error) {
	nodeIP, err := netip.ParseAddr(cfg.NodeIP)
	if err != nil {
		return nil, fmt.Errorf("node address: %w", err)
	}
	cidr, err := netip.ParsePrefix(cfg.PodCIDR)
	if err != nil {
		return nil, fmt.Errorf("pod address range: %w", err)
	}
	return &network{prefix: cfg.Prefix, nodeIP: nodeIP, addresses: newAddresses(cidr, nodeIP)}, nil
}

// gatewayIPv6 is the node's address on every pod's interface: on a link, IPv6 answers for the addresses of that link alone,
// where IPv4 answers for all that the node has.
var gatewayIPv6 = netip.MustParseAddr("fe80::1")

// shortUID is what a pod's network namespace is called after the prefix: unlike the pod's name it is not used again.
func shortUID(prefix, uid string) string {
	sum := sha256.Sum256([]byte(prefix + uid))
	return hex.EncodeToString(sum[:])[:10]
}

// netnsName is the name of a pod's network namespace.
func (n *network) netnsName(uid string) string { return n.prefix + shortUID(n.prefix, uid) }

// vethName is the name of a pod's interface on the node; the kernel allows 15 characters.
func (n *network) vethName(uid string) string { return "veth" + shortUID(n.prefix, uid) }

// attach makes the pod's network namespace and connects it. What a crashed attempt left under the same name goes first.
func (n *network) attach(uid string, addr netip.Addr) error {
	name := n.netnsName(uid)
	if err := n.detach(uid); err != nil {
		return err
	}
	// As in most container runtimes: port 80 and the like need no privilege inside a pod.
	err := netspace.Make(name, func() error {
		return os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0o644)
	})
	if err != nil {
		return err
	}
	pod, err := netns.GetFromName(name)
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", name, err)
	}
	defer pod.Close()
	if err := n.connectNode(uid, addr, pod); err != nil {
		return fmt.Errorf("connect node to %s: %w", addr, err)
	}
	if err := n.connectPod(addr, pod); err != nil {
		return fmt.Errorf("connect %s to node: %w", addr, err)
	}
	return nil
}

// connectNode makes the pair of interfaces and the node's end of it. The kubelet itself runs in the node's namespace.
func (n *network) connectNode(uid string, addr netip.Addr, pod netns.NsHandle) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = n.vethName(uid)
	veth := &netlink.Veth{LinkAttrs: attrs, PeerName: "eth0", PeerNamespace: netlink.NsFd(pod)}
	if err := netlink.LinkAdd(veth); err != nil {
		return fmt.Errorf("add interface %s: %w", attrs.Name, err)
	}
	link, err := netlink.LinkByName(attrs.Name)
	if err != nil {
		return err
	}
	if addr.Is6() {
		if err := netlink.AddrAdd(link, netspace.Address(gatewayIPv6.AsSlice())); err != nil {
			return err
		}
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	return netlink.RouteReplace(&netlink.Route{
		LinkIndex: link.Attrs().Index,
		Scope:     netlink.SCOPE_LINK,
		Dst:       netlink.NewIPNet(addr.AsSlice()),
		Src:       n.nodeIP.AsSlice(),
	})
}

// connectPod gives the pod its address and sends everything to the node.
func (n *network) connectPod(addr netip.Addr, pod netns.NsHandle) error {
	handle, err := netlink.NewHandleAt(pod)
	if err != nil {
		return err
	}
	defer handle.Close()
	for _, name := range []string{"lo", "eth0"} {
		link, err := handle.LinkByName(name)
		if err != nil {
			return err
		}
		if err := handle.LinkSetUp(link); err != nil {
			return err
		}
	}
	eth0, err := handle.LinkByName("eth0")
	if err != nil {
		return err
	}
	if err := handle.AddrAdd(eth0, netspace.Address(addr.AsSlice())); err != nil {
		return err
	}
	index, gateway := eth0.Attrs().Index, n.nodeIP
	if addr.Is6() {
		gateway = gatewayIPv6
	}
	if err := handle.RouteAdd(&netlink.Route{LinkIndex: index, Scope: netlink.SCOPE_LINK, Dst: netlink.NewIPNet(gateway.AsSlice())}); err != nil {
		return err
	}
	return handle.RouteAdd(&netlink.Route{LinkIndex: index, Gw: gateway.AsSlice()})
}

// detach removes a pod's network namespace and interface, if they are there.
func (n *network) detach(uid string) error {
	if err := netspace.Remove(n.netnsName(uid)); err != nil {
		return err
	}
	// The interface goes with the namespace, but only a moment later, and not while something still holds that.
	link, err := netlink.LinkByName(n.vethName(uid))
	if isLinkNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := netlink.LinkDel(link); err != nil && !errors.Is(err, unix.ENODEV) && !isLinkNotFound(err) {
		return fmt.Errorf("delete interface %s: %w", n.vethName(uid), err)
	}
	return nil
}

func isLinkNotFound(err error) bool {
	return errors.As(err, &netlink.LinkNotFoundError{})
}

// sweep removes the pod namespaces that a kubelet which was killed has left behind.
func (n *network) sweep() error {
	pattern, err := regexp.Compile("^" + regexp.QuoteMeta(n.prefix) + "[0-9a-f]{10}$")
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(netspace.Dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if pattern.MatchString(entry.Name()) {
			if err := netspace.Remove(entry.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// dial connects to a port of the pod as from inside of it.
func (p *pod) dial(ctx context.Context, port int32) (net.Conn, error) {
	if p.origin.Spec.HostNetwork {
		return (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	}
	return dialPod(ctx, p.node.network.netnsName(string(p.origin.UID)), port)
}

// dialPod connects to a port on the pod's own loopback interface, where servers may listen that nobody else reaches.
func dialPod(ctx context.Context, netnsName string, port int32) (conn net.Conn, err error) {
	err = netspace.In(netnsName, func() error {
		// With a literal address the socket is made by this very goroutine, hence in the pod.
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
		return err
	})
	return conn, err
}

// inNetns says whether the process runs in the named network namespace.
func inNetns(name string) (bool, error) {
	want, err := netns.GetFromName(name)
	if err != nil {
		return false, fmt.Errorf("open network namespace %s: %w", name, err)
	}
	defer want.Close()
	have, err := netns.GetFromPid(os.Getpid())
	if err != nil {
		return false, err
	}
	defer have.Close()
	return want.Equal(have), nil
}
