package kubelet

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sort"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// An initSpec tells the re-executed child what container process to become.
type initSpec struct {
	Netns        string // path of the pod's network namespace, empty for the node's
	Dir          string // existing folder to mount the container's root file system on
	Hostname     string
	WorkingDir   string
	Files        map[string]string // generated files: /etc/hosts and the like
	Binds        []bind
	Argv, Env    []string
	UID, GID     int
	Groups       []int
	ReadOnlyRoot bool
}

// A bind is one bind mount: Source on the host, Target in the container.
type bind struct {
	Source, Target string
	ReadOnly       bool
}

// sortBinds puts parents before what is mounted below them.
func sortBinds(binds []bind) {
	sort.SliceStable(binds, func(i, j int) bool { return binds[i].Target < binds[j].Target })
}

// The child's inherited files: it reads its initSpec from the one and reports what went wrong on the other. The second is
// closed by exec, so that the parent sees its end without a word when the container process runs.
const (
	specFD   = 3
	statusFD = 4
)

const (
	stageDir = "/run/.lazylab" // where bind sources wait, inside the new root, for their targets
	oldRoot  = "/run/.old"
)

// ContainerInit turns the calling process, which the kubelet started in namespaces of its own, into a container's process.
// It never returns.
func ContainerInit() {
	runtime.LockOSThread()
	unix.CloseOnExec(statusFD)
	fmt.Fprint(os.NewFile(statusFD, "status"), becomeContainer())
	os.Exit(128)
}

// becomeContainer returns only with what kept it from becoming the container's process.
func becomeContainer() error {
	var spec initSpec
	file := os.NewFile(specFD, "spec")
	if err := json.NewDecoder(file).Decode(&spec); err != nil {
		return fmt.Errorf("read container spec: %w", err)
	}
	file.Close()
	for _, step := range []func(*initSpec) error{enterNetns, mountRoot, mountBinds, writeFiles, prepareRoot, dropPrivileges} {
		if err := step(&spec); err != nil {
			return err
		}
	}
	exe, err := lookPath(spec.Argv[0], spec.Env)
	if err != nil {
		return err
	}
	return fmt.Errorf("exec %s: %w", exe, syscall.Exec(exe, spec.Argv, spec.Env))
}

func enterNetns(spec *initSpec) error {
	if spec.Netns == "" {
		return nil
	}
	fd, err := unix.Open(spec.Netns, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open network namespace: %w", err)
	}
	defer unix.Close(fd)
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter network namespace: %w", err)
	}
	return nil
}

// mountRoot makes an overlay of the host's root the new root. What the container writes goes to a tmpfs that ends with its
// mount namespace.
func mountRoot(spec *initSpec) error {
	upper, work, root := spec.Dir+"/upper", spec.Dir+"/work", spec.Dir+"/root"
	if err := mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return err
	}
	if err := mount("tmpfs", spec.Dir, "tmpfs", 0, "mode=755"); err != nil {
		return err
	}
	for _, dir := range []string{upper, work, root} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
		data                 string
	}{
		{"overlay", root, "overlay", 0, "lowerdir=/,upperdir=" + upper + ",workdir=" + work},
		{"proc", root + "/proc", "proc", 0, ""},
		{"/dev", root + "/dev", "", unix.MS_BIND | unix.MS_REC, ""},
		{"sysfs", root + "/sys", "sysfs", 0, ""}, // after entering the network namespace, whose devices it shows
		{"tmpfs", root + "/run", "tmpfs", 0, "mode=755"},
		{"tmpfs", root + "/tmp", "tmpfs", 0, "mode=1777"},
	} {
		if err := mount(m.source, m.target, m.kind, m.flags, m.data); err != nil {
			return err
		}
	}
	return nil
}

// mountBinds binds in two steps around pivot_root, because sources have to be resolved in the old root and targets in the
// new one: /var/run, for one, is an absolute symlink on most hosts.
func mountBinds(spec *initSpec) error {
	root := spec.Dir + "/root"
	isDir := make([]bool, len(spec.Binds))
	for i, b := range spec.Binds {
		info, err := os.Stat(b.Source)
		if err != nil {
			return err
		}
		isDir[i] = info.IsDir()
		staged := fmt.Sprintf("%s%s/%d", root, stageDir, i)
		if err := makeMountpoint(staged, isDir[i]); err != nil {
			return err
		}
		if err := mount(b.Source, staged, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
			return err
		}
	}
	if err := pivot(root); err != nil {
		return err
	}
	for i, b := range spec.Binds {
		staged := fmt.Sprintf("%s/%d", stageDir, i)
		if err := bindStaged(staged, b, isDir[i]); err != nil {
			return err
		}
	}
	return os.RemoveAll(stageDir)
}

func pivot(root string) error {
	if err := os.MkdirAll(root+oldRoot, 0o755); err != nil {
		return err
	}
	if err := unix.PivotRoot(root, root+oldRoot); err != nil {
		return fmt.Errorf("pivot root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount(oldRoot, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount old root: %w", err)
	}
	return os.Remove(oldRoot)
}

func bindStaged(staged string, b bind, isDir bool) error {
	if err := makeMountpoint(b.Target, isDir); err != nil {
		return err
	}
	if err := mount(staged, b.Target, "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return err
	}
	if b.ReadOnly {
		if err := mount("", b.Target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	if err := unix.Unmount(staged, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", staged, err)
	}
	return nil
}

func writeFiles(spec *initSpec) error {
	for path, content := range spec.Files {
		// The host's file may be a symlink to somewhere that does not exist here.
		if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func prepareRoot(spec *initSpec) error {
	if err := unix.Sethostname([]byte(spec.Hostname)); err != nil {
		return fmt.Errorf("set hostname: %w", err)
	}
	if err := os.MkdirAll(spec.WorkingDir, 0o755); err != nil {
		return err
	}
	if spec.ReadOnlyRoot { // only now: mount points had to be made
		if err := mount("", "/", "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, ""); err != nil {
			return err
		}
	}
	return os.Chdir(spec.WorkingDir)
}

func dropPrivileges(spec *initSpec) error {
	if err := syscall.Setgroups(spec.Groups); err != nil {
		return fmt.Errorf("set groups: %w", err)
	}
	if err := syscall.Setgid(spec.GID); err != nil {
		return fmt.Errorf("set gid %d: %w", spec.GID, err)
	}
	if err := syscall.Setuid(spec.UID); err != nil {
		return fmt.Errorf("set uid %d: %w", spec.UID, err)
	}
	// setuid has cleared what the kubelet had set: the container dies with the kubelet.
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(unix.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("set parent death signal: %w", err)
	}
	return nil
}

// lookPath searches the container's own PATH.
func lookPath(name string, env []string) (string, error) {
	for _, e := range env {
		if path, ok := strings.CutPrefix(e, "PATH="); ok {
			if err := os.Setenv("PATH", path); err != nil {
				return "", err
			}
		}
	}
	exe, err := exec.LookPath(name)
	if err != nil {
		return "", err
	}
	return filepath.Abs(exe)
}

func mount(source, target, kind string, flags uintptr, data string) error {
	if err := unix.Mount(source, target, kind, flags, data); err != nil {
		return fmt.Errorf("mount %s on %s: %w", source, target, err)
	}
	return nil
}

func makeMountpoint(path string, dir bool) error {
	if dir {
		return os.MkdirAll(path, 0o755)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o755)
	if err != nil {
		return err
	}
	return file.Close()
}
