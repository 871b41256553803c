package kubelet

import (
	"fmt"
	"net/netip"
	"sync"
)

// addresses hands out the pod addresses of one node. Like a real address manager it goes round and round, so that the
// address of a pod that just ended is not the next pod's.
type addresses struct {
	mu     sync.Mutex
	prefix netip.Prefix
	last   netip.Addr
	used   map[netip.Addr]bool
}

// newAddresses manages prefix but for its network address, its last address and the reserved ones.
func newAddresses(prefix netip.Prefix, reserved ...netip.Addr) *addresses {
	prefix = prefix.Masked()
	used := map[netip.Addr]bool{prefix.Addr(): true}
	for _, addr := range reserved {
		used[addr] = true
	}
	return &addresses{prefix: prefix, last: prefix.Addr().Next(), used: used}
}

// allocate returns the next free address.
func (a *addresses) allocate() (netip.Addr, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for addr := a.next(a.last); ; addr = a.next(addr) {
		if !a.used[addr] {
			a.used[addr], a.last = true, addr
			return addr, nil
		}
		if addr == a.last {
			return netip.Addr{}, fmt.Errorf("no free address in %s", a.prefix)
		}
	}
}

// claim takes the very address asked for.
func (a *addresses) claim(addr netip.Addr) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.usable(addr) {
		return fmt.Errorf("address %s is not a pod address of %s", addr, a.prefix)
	}
	if a.used[addr] {
		return fmt.Errorf("address %s is in use", addr)
	}
	a.used[addr] = true
	return nil
}

// release gives an address back.
func (a *addresses) release(addr netip.Addr) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.used, addr)
}

// next is the address after addr, or the first one of the prefix where that is its last (the broadcast address) or outside.
func (a *addresses) next(addr netip.Addr) netip.Addr {
	if next := addr.Next(); a.usable(next) {
		return next
	}
	return a.prefix.Addr().Next()
}

func (a *addresses) usable(addr netip.Addr) bool {
	return a.prefix.Contains(addr) && a.prefix.Contains(addr.Next())
}
