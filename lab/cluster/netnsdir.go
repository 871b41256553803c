package cluster

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/lazyxds/lazyxds/lab/netspace"
)

// shareNetnsDir prepares the folder of named network namespaces the way the ip command does. Were the ip command the
// first to do so, it would cover a lab's namespaces with copies of their mounts, and they could not be removed.
func shareNetnsDir() error {
	if err := os.MkdirAll(netspace.Dir, 0o755); err != nil {
		return fmt.Errorf("make the folder of network namespaces: %w", err)
	}
	unlock, err := lockNetnsDir()
	if err != nil {
		return err
	}
	defer unlock()
	share := func() error { return unix.Mount("", netspace.Dir, "none", unix.MS_SHARED|unix.MS_REC, "") }
	err = share()
	if errors.Is(err, unix.EINVAL) { // no mount point yet
		if err := unix.Mount(netspace.Dir, netspace.Dir, "none", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return fmt.Errorf("mount %s: %w", netspace.Dir, err)
		}
		err = share()
	}
	if err != nil {
		return fmt.Errorf("share %s: %w", netspace.Dir, err)
	}
	return nil
}

// releaseNetnsDir undoes shareNetnsDir when no namespace is left.
func releaseNetnsDir() error {
	unlock, err := lockNetnsDir()
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock()
	entries, err := os.ReadDir(netspace.Dir)
	if err != nil {
		return fmt.Errorf("list network namespaces: %w", err)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	if len(entries) > 0 || !mountedOnItself(string(mounts), netspace.Dir) {
		return nil
	}
	if err := unix.Unmount(netspace.Dir, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", netspace.Dir, err)
	}
	return nil
}

// lockNetnsDir keeps others that prepare the folder from doing so at the same time.
func lockNetnsDir() (func(), error) {
	dir, err := os.Open(netspace.Dir)
	if err != nil {
		return nil, fmt.Errorf("open the folder of network namespaces: %w", err)
	}
	if err := unix.Flock(int(dir.Fd()), unix.LOCK_EX); err != nil {
		dir.Close()
		return nil, fmt.Errorf("lock the folder of network namespaces: %w", err)
	}
	return func() { dir.Close() }, nil
}

// mountedOnItself tells whether dir is a mount of that very folder, by a mountinfo file: there a folder of the file system
// is named as seen from the top of it, so /run/netns is /netns where /run has a file system of its own.
func mountedOnItself(mountinfo, dir string) bool {
	const rootField, pointField = 3, 4
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) > pointField && fields[pointField] == dir {
			return fields[rootField] != "/" && strings.HasSuffix(dir, fields[rootField])
		}
	}
	return false
}
