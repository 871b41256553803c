package cluster

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// inNetns runs f on a thread inside the named network namespace. Sockets f makes and processes it starts belong there.
func inNetns(name string, f func() error) error {
	target, err := netns.GetFromName(name)
	if err != nil {
		return fmt.Errorf("open network namespace %s: %w", name, err)
	}
	defer target.Close()
	return onThread(func() error {
		if err := netns.Set(target); err != nil {
			return fmt.Errorf("enter network namespace %s: %w", name, err)
		}
		return f()
	})
}

// onThread runs f on a thread of its own that may change its network namespace, and changes it back.
func onThread(f func() error) error {
	result := make(chan error)
	go func() {
		runtime.LockOSThread()
		origin, err := netns.Get()
		if err != nil {
			result <- fmt.Errorf("open own network namespace: %w", err)
			return
		}
		defer origin.Close()
		err = f()
		// A thread that cannot go back stays locked, so Go ends it with the goroutine instead of using it again.
		if netns.Set(origin) == nil {
			runtime.UnlockOSThread()
		}
		result <- err
	}()
	return <-result
}

// makeNode makes the node's network namespace with its address, on a bridge without ports since not every kernel has
// dummy devices. The route sends the service range to that bridge: routing comes before kube-proxy's rules, and
// without a route the control plane could not reach a webhook's service.
func makeNode(lab string) error {
	if err := shareNetnsDir(); err != nil {
		return err
	}
	return onThread(func() error {
		ns, err := netns.NewNamed(nodeNetns(lab))
		if err != nil {
			return fmt.Errorf("make network namespace %s: %w", nodeNetns(lab), err)
		}
		defer ns.Close()
		if err := configureNode(); err != nil {
			return fmt.Errorf("configure network namespace %s: %w", nodeNetns(lab), err)
		}
		return nil
	})
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

// removeNetns removes a network namespace; the kernel ends its links and rules with it.
func removeNetns(path string) error {
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount network namespace %s: %w", filepath.Base(path), err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove network namespace: %w", err)
	}
	return nil
}

// Dial connects to an address as seen from the lab's node, which reaches all pods and services.
func (l *Lab) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var conn net.Conn
	err := inNetns(nodeNetns(l.name), func() error {
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
