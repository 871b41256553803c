package cluster

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"

	"github.com/lazyxds/lazyxds/lab/netspace"
)

// DefaultName is the name of the lab that commands mean unless told otherwise.
const DefaultName = "lab"

// SystemNamespace is the namespace that Istio and LazyXDS are installed in.
const SystemNamespace = "istio-system"

const (
	nodeName = "lab"
	domain   = "cluster.local"
	apiPort  = "6443"
)

const (
	runRoot = "/run/lazylab"

	// markEnv tells in a daemon's environment which lab it belongs to. Whatever has it is ended with the lab, so it is
	// nothing that somebody would set by hand.
	markEnv = "LAZYLAB_DAEMON_OF"
)

// ErrNotFound says that no lab has the name asked for.
var ErrNotFound = errors.New("no such lab")

// validName keeps names short enough for network interfaces and free of the dash that ends them in longer names.
var validName = regexp.MustCompile(`^[a-z0-9]{1,8}$`)

func checkName(name string) error {
	if !validName.MatchString(name) {
		return fmt.Errorf("lab name %q is not valid: use 1 to 8 of a-z and 0-9", name)
	}
	return nil
}

func runDir(name string) string { return filepath.Join(runRoot, name) }

// nodeNetns is the namespace of the lab's node, where the control plane runs.
func nodeNetns(name string) string { return "lz-" + name }

// podPrefix begins the names of everything made for pods.
func podPrefix(name string) string { return "lz-" + name + "-" }

// netnsOf lists the lab's network namespaces that exist.
func netnsOf(name string) ([]string, error) {
	pods, err := filepath.Glob(netspace.Path(podPrefix(name) + "*"))
	if err != nil {
		return nil, fmt.Errorf("list network namespaces: %w", err)
	}
	node := netspace.Path(nodeNetns(name))
	if _, err := os.Lstat(node); err == nil {
		pods = append(pods, node)
	}
	return pods, nil
}
