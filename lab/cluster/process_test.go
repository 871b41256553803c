package cluster

import (
	"os"
	"syscall"
	"testing"
)

func TestParseStat(t *testing.T) {
	// A command may be called anything, such as "a) R (b".
	const line = "42 (a) R (b) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 987654 1 2 3"
	got, err := parseStat(line)
	if want := (procStat{state: 'S', started: 987654}); err != nil || got != want {
		t.Errorf("parseStat = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range []string{"", "42 (x) S 1", "42 (x) S 1 42 42 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 late 1"} {
		if got, err := parseStat(bad); err == nil {
			t.Errorf("parseStat(%q) = %+v, want an error", bad, got)
		}
	}
}

// A process number that another process has by now is neither running nor signalled.
func TestProcessIdentity(t *testing.T) {
	self, err := readStat(os.Getpid())
	if err != nil {
		t.Fatal(err)
	}
	me := process{Component: "test", PID: os.Getpid(), Started: self.started}
	if !me.running() {
		t.Error("this very process does not seem to run")
	}
	if err := me.signal(syscall.Signal(0)); err != nil {
		t.Errorf("signal: %v", err)
	}
	other := me
	other.Started--
	if other.running() {
		t.Error("an earlier process with this number seems to run")
	}
	if err := other.signal(syscall.SIGKILL); err == nil {
		t.Error("no error for a signal to an earlier process")
	}
}

func TestMountsBelow(t *testing.T) {
	const mountinfo = `21 27 0:4 net:[1] /run/netns/lz-a rw - nsfs nsfs rw
22 27 0:5 / /run/lazylab/a/kubelet/pods/x rw - tmpfs tmpfs rw
23 22 0:6 / /run/lazylab/a/kubelet/pods/x/in\040side rw shared:1 - tmpfs tmpfs rw
24 27 0:7 / /run/lazylab/ab/pods rw - tmpfs tmpfs rw
`
	got := mountsBelow(mountinfo, "/run/lazylab/a")
	want := []string{"/run/lazylab/a/kubelet/pods/x", "/run/lazylab/a/kubelet/pods/x/in side"}
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("mountsBelow = %q, want %q", got, want)
	}
}

func TestMountedOnItself(t *testing.T) {
	for mountinfo, want := range map[string]bool{
		"22 43 254:0 /run/netns /run/netns rw shared:1 - ext4 /dev/vda rw\n": true,
		"22 43 0:25 /netns /run/netns rw shared:1 - tmpfs tmpfs rw\n":        true,
		"22 43 0:25 / /run/netns rw shared:1 - tmpfs tmpfs rw\n":             false,
		"22 43 0:4 net:[1] /run/netns/x rw - nsfs nsfs rw\n":                 false,
	} {
		if got := mountedOnItself(mountinfo, "/run/netns"); got != want {
			t.Errorf("mountedOnItself = %t for %s", got, mountinfo)
		}
	}
}
