package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// SignalContainer sends a signal to a container's processes from outside, as a node does. SIGKILL ends the container
// as a crash does, after which the kubelet restarts it; SIGSTOP and SIGCONT freeze and thaw it.
func (l *Lab) SignalContainer(ctx context.Context, t Target, sig syscall.Signal) error {
	// The container tells its PID namespace itself, since nothing else is sure to be in it.
	out, err := l.Exec(ctx, t, "readlink", "/proc/self/ns/pid")
	if err != nil {
		return err
	}
	space := strings.TrimSpace(out.Stdout)
	own, err := os.Readlink("/proc/self/ns/pid")
	if err != nil {
		return fmt.Errorf("read own PID namespace: %w", err)
	}
	if out.Code != 0 || space == "" || space == own {
		return fmt.Errorf("signal %s: its PID namespace is unknown (%q %s)", t, space, strings.TrimSpace(out.Stderr))
	}
	pids, err := pidsInSpace(space)
	if err != nil {
		return err
	}
	if len(pids) == 0 {
		return fmt.Errorf("signal %s: it has no process", t)
	}
	var errs []error
	for _, pid := range pids {
		if err := syscall.Kill(pid, sig); err != nil && !errors.Is(err, syscall.ESRCH) {
			errs = append(errs, fmt.Errorf("signal %s: %w", t, err))
		}
	}
	return errors.Join(errs...)
}

func pidsInSpace(space string) ([]int, error) {
	links, err := filepath.Glob("/proc/[0-9]*/ns/pid")
	if err != nil {
		return nil, fmt.Errorf("list processes: %w", err)
	}
	var pids []int
	for _, link := range links {
		if target, err := os.Readlink(link); err != nil || target != space {
			continue
		}
		pid, err := strconv.Atoi(strings.Split(link, "/")[2])
		if err != nil {
			return nil, fmt.Errorf("list processes: %w", err)
		}
		pids = append(pids, pid)
	}
	return pids, nil
}
