package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lazyxds/lazyxds/lab/netspace"
)

// sweep ends everything that exists under a lab's name, whatever state it is in: processes, mounts, network
// namespaces, files. There is no gentle way beside it, so the way that must work after a crash is the one always taken.
func sweep(ctx context.Context, name string) error {
	if err := killAll(ctx, name); err != nil {
		return err
	}
	spaces, err := netnsOf(name)
	if err != nil {
		return err
	}
	var errs []error
	for _, path := range spaces {
		errs = append(errs, netspace.Remove(filepath.Base(path)))
	}
	errs = append(errs, releaseNetnsDir(), unmountBelow(runDir(name)), os.RemoveAll(runDir(name)))
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("clean up lab %s: %w", name, err)
	}
	// Only the last lab finds the folder empty.
	_ = os.Remove(runRoot)
	return nil
}

// leftovers tells whether anything of the lab exists.
func leftovers(name string) (bool, error) {
	if _, err := os.Lstat(runDir(name)); err == nil {
		return true, nil
	}
	spaces, err := netnsOf(name)
	if err != nil || len(spaces) > 0 {
		return len(spaces) > 0, err
	}
	pids, err := processesOf(name)
	return len(pids) > 0, err
}

// killAll kills until nothing is left, since whatever dies first may just have started another.
func killAll(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	for {
		pids, err := processesOf(name)
		if err != nil {
			return err
		}
		if len(pids) == 0 {
			return nil
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("end the processes of lab %s (%v): %w", name, pids, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// processesOf finds the lab's processes: those on record, those that carry its mark and those in its namespaces.
func processesOf(name string) ([]int, error) {
	spaces, err := netnsInodes(name)
	if err != nil {
		return nil, err
	}
	recorded := map[int]process{}
	if s, err := readState(name); err == nil {
		for _, p := range s.Processes {
			recorded[p.PID] = p
		}
	}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil || pid == os.Getpid() || !alive(pid) {
			continue
		}
		if recorded[pid].running() || marked(pid, name) || spaces[netnsInode(fmt.Sprintf("/proc/%d/ns/net", pid))] {
			pids = append(pids, pid)
		}
	}
	return pids, nil
}

func alive(pid int) bool {
	stat, err := readStat(pid)
	return err == nil && stat.state != 'Z' && stat.state != 'X'
}

func marked(pid int, name string) bool {
	env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return false
	}
	return slices.ContainsFunc(bytes.Split(env, []byte{0}), func(v []byte) bool { return string(v) == markEnv+"="+name })
}

// inode identifies a network namespace; the zero value is none.
type inode struct{ dev, ino uint64 }

func netnsInodes(name string) (map[inode]bool, error) {
	paths, err := netnsOf(name)
	if err != nil {
		return nil, err
	}
	spaces := map[inode]bool{}
	for _, path := range paths {
		if id := netnsInode(path); id != (inode{}) {
			spaces[id] = true
		}
	}
	return spaces, nil
}

// netnsInode is zero for a file that is no mounted namespace, such as the place of one that was half removed.
func netnsInode(path string) inode {
	var fs unix.Statfs_t
	if err := unix.Statfs(path, &fs); err != nil || fs.Type != unix.NSFS_MAGIC {
		return inode{}
	}
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return inode{}
	}
	return inode{st.Dev, st.Ino}
}

// unmountBelow detaches what is mounted in dir, the innermost first.
func unmountBelow(dir string) error {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return fmt.Errorf("list mounts: %w", err)
	}
	var errs []error
	points := mountsBelow(string(text), dir)
	for _, point := range slices.Backward(points) {
		if err := unix.Unmount(point, unix.MNT_DETACH); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", point, err))
		}
	}
	return errors.Join(errs...)
}

// mountsBelow picks the mount points inside dir from a mountinfo file, in its order.
func mountsBelow(mountinfo, dir string) []string {
	const pointField = 4
	var points []string
	for line := range strings.Lines(mountinfo) {
		fields := strings.Fields(line)
		if len(fields) <= pointField {
			continue
		}
		point := strings.NewReplacer(`\040`, " ", `\011`, "\t", `\134`, `\`).Replace(fields[pointField])
		if strings.HasPrefix(point, filepath.Clean(dir)+"/") {
			points = append(points, point)
		}
	}
	return points
}
