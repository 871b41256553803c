// Package netspace makes, enters and removes named network namespaces, as the ip command does, without leaving one of the
// program's own threads in them.
package netspace

import (
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

// Dir is the folder of named network namespaces.
const Dir = "/run/netns"

// Path is where a named network namespace is found.
func Path(name string) string { return filepath.Join(Dir, name) }

// In runs f on a thread inside the named network namespace. Sockets f makes and processes it starts belong there.
func In(name string, f func() error) error {
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

// Make makes a named network namespace and runs configure inside it.
func Make(name string, configure func() error) error {
	return onThread(func() error {
		made, err := netns.NewNamed(name)
		if err != nil {
			return fmt.Errorf("make network namespace %s: %w", name, err)
		}
		defer made.Close()
		if err := configure(); err != nil {
			return fmt.Errorf("configure network namespace %s: %w", name, err)
		}
		return nil
	})
}

// Forward lets the network namespace it is called in pass on packets between its interfaces.
func Forward() error {
	if err := os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644); err != nil {
		return err
	}
	err := os.WriteFile("/proc/sys/net/ipv6/conf/all/forwarding", []byte("1"), 0o644)
	if errors.Is(err, os.ErrNotExist) { // a machine without IPv6
		return nil
	}
	return err
}

// Address is an interface's only address in its network. It can be used at once: an IPv6 address would wait a second otherwise,
// while the kernel looks for somebody else who has it.
func Address(ip net.IP) *netlink.Addr {
	return &netlink.Addr{IPNet: netlink.NewIPNet(ip), Flags: unix.IFA_F_NODAD}
}

// Remove removes a named network namespace, if there is one; the kernel ends its links and rules with it. It also removes
// a file without a namespace on it: somebody was stopped between making the one and the other.
func Remove(name string) error {
	if err := unix.Unmount(Path(name), unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmount network namespace %s: %w", name, err)
	}
	if err := os.Remove(Path(name)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove network namespace: %w", err)
	}
	return nil
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
