package cluster

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Lab is a lab that has been started. Its methods may be called concurrently.
type Lab struct {
	name   string
	config *rest.Config
	client kubernetes.Interface

	mu    sync.Mutex
	state state
}

// Find returns the lab of that name; the error is [ErrNotFound] when there is none. It may be broken: see
// [Lab.Status].
func Find(name string) (*Lab, error) {
	if err := checkName(name); err != nil {
		return nil, err
	}
	s, err := readState(name)
	if err != nil {
		return nil, err
	}
	l := &Lab{name: name, state: s}
	if err := l.connect(); err != nil {
		return nil, err
	}
	return l, nil
}

// List returns the names of all labs that were started and not stopped.
func List() ([]string, error) {
	entries, err := os.ReadDir(runRoot)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list labs: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && checkName(e.Name()) == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Down stops the lab of that name and removes all of it, also after a crash of any part. It reports whether there
// was anything.
func Down(ctx context.Context, name string) (bool, error) {
	if err := checkName(name); err != nil {
		return false, err
	}
	if os.Geteuid() != 0 {
		return false, ErrNotRoot
	}
	unlock, err := lockName(name)
	if err != nil {
		return false, err
	}
	defer unlock()
	found, err := leftovers(name)
	if err != nil || !found {
		return false, err
	}
	return true, sweep(ctx, name)
}

// Down stops the lab and removes all of it.
func (l *Lab) Down(ctx context.Context) error {
	_, err := Down(ctx, l.name)
	return err
}

// Name is the lab's name.
func (l *Lab) Name() string { return l.name }

// Kubeconfig is the path of a kubeconfig that works anywhere on the machine.
func (l *Lab) Kubeconfig() string { return filepath.Join(l.dir(), "kubeconfig") }

// RESTConfig is a client configuration for the cluster administrator.
func (l *Lab) RESTConfig() *rest.Config { return rest.CopyConfig(l.config) }

// Client is a Kubernetes client for the cluster administrator.
func (l *Lab) Client() kubernetes.Interface { return l.client }

// Repo is the source tree the lab was started from.
func (l *Lab) Repo() string { return l.state.Repo }

// Sample is the path of a file of Istio's samples, of the lab's own Istio version: Sample("httpbin/httpbin.yaml").
func (l *Lab) Sample(name string) string { return filepath.Join(l.state.Samples, name) }

func (l *Lab) dir() string { return runDir(l.name) }

// nodeKubeconfig serves the daemons, which run where the API server does.
func (l *Lab) nodeKubeconfig() string { return filepath.Join(l.dir(), "node.kubeconfig") }

func (l *Lab) connect() error {
	config, err := clientcmd.BuildConfigFromFlags("", l.Kubeconfig())
	if err != nil {
		return fmt.Errorf("connect to lab %s: %w", l.name, err)
	}
	config.QPS, config.Burst = 200, 400
	l.config = config
	if l.client, err = kubernetes.NewForConfig(config); err != nil {
		return fmt.Errorf("connect to lab %s: %w", l.name, err)
	}
	return nil
}

// lockName keeps two programs from starting or stopping the same lab. The lock is an abstract socket: it ends with
// its holder and leaves no file.
func lockName(name string) (func(), error) {
	l, err := net.Listen("unix", "@lazylab/"+name)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("lab %s is just being started or stopped by another lazylab: wait for it, or interrupt it", name)
	}
	if err != nil {
		return nil, fmt.Errorf("lock lab %s: %w", name, err)
	}
	return func() { l.Close() }, nil
}
