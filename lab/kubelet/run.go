package kubelet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"

	vklog "github.com/virtual-kubelet/virtual-kubelet/log"
	"github.com/virtual-kubelet/virtual-kubelet/log/klogv2"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	typedcorev1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/record"
)

// Config is what a kubelet has to know of its lab.
type Config struct {
	Kubeconfig string
	NodeName   string
	NodeIP     string
	Netns      string // name of the node's network namespace, in which the kubelet has to run
	Dir        string // the kubelet's own folder; what is in it is gone after a restart
	Prefix     string // what the names of the pods' network namespaces begin with

	PodCIDR       string
	ServiceIP     string // of the Service kubernetes in namespace default
	ClusterDNS    string
	ClusterDomain string
	KubeVersion   string // reported as the kubelet's

	// Components are the programs that images stand for, by name, with their absolute paths on the host: pilot-discovery,
	// pilot-agent, envoy, envoy-bootstrap, coredns, go-httpbin, labapp, lazyxds. One that is not there can be missing.
	Components map[string]string
}

func (cfg Config) validate() error {
	value := reflect.ValueOf(cfg)
	for i := range value.NumField() {
		if field := value.Field(i); field.Kind() == reflect.String && field.Len() == 0 {
			return fmt.Errorf("kubelet configuration: %s is missing", value.Type().Field(i).Name)
		}
	}
	inside, err := inNetns(cfg.Netns)
	if err != nil {
		return err
	}
	if !inside {
		return fmt.Errorf("the kubelet has to be started in network namespace %s", cfg.Netns)
	}
	return nil
}

// Run registers the node and runs its pods until ctx is done; then it stops them all. Pods that a kubelet before has left
// are started anew.
func Run(ctx context.Context, cfg Config) error {
	if err := cfg.validate(); err != nil {
		return err
	}
	restConfig, err := clientcmd.BuildConfigFromFlags("", cfg.Kubeconfig)
	if err != nil {
		return fmt.Errorf("read kubeconfig: %w", err)
	}
	restConfig.QPS, restConfig.Burst = 200, 400
	client, err := kubernetes.NewForConfig(restConfig)
	if err != nil {
		return fmt.Errorf("make client: %w", err)
	}
	log := slog.Default()
	vklog.L = klogv2.New(nil) // else it is silent about refused status updates

	broadcaster := record.NewBroadcaster()
	defer broadcaster.Shutdown()
	broadcaster.StartRecordingToSink(&typedcorev1.EventSinkImpl{Interface: client.CoreV1().Events(corev1.NamespaceAll)})
	recorder := func(component, host string) record.EventRecorder {
		return broadcaster.NewRecorder(scheme.Scheme, corev1.EventSource{Component: component, Host: host})
	}

	n, err := newNode(cfg, client, recorder("kubelet", cfg.NodeName), log)
	if err != nil {
		return err
	}
	if err := n.sweep(); err != nil {
		return fmt.Errorf("remove leftovers: %w", err)
	}
	virtual, err := n.wire()
	if err != nil {
		return fmt.Errorf("set up node: %w", err)
	}
	if err := runScheduler(ctx, client, cfg.NodeName, recorder("default-scheduler", ""), log); err != nil {
		return err
	}
	err = virtual.Run(ctx)
	n.stopAll()
	if err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("run node: %w", err)
	}
	return nil
}

// sweep removes what a kubelet that was killed has left. Its processes have died with it.
func (n *node) sweep() error {
	if err := n.network.sweep(); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Join(n.cfg.Dir, "pods"))
}
