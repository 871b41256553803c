package kubelet

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"runtime"
	"strconv"
	"sync"
	"time"

	vknode "github.com/virtual-kubelet/virtual-kubelet/node"
	"github.com/virtual-kubelet/virtual-kubelet/node/nodeutil"
	"golang.org/x/sys/unix"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"
	"k8s.io/client-go/tools/record"
)

// A node runs the pods that are bound to it. It is a provider of virtual-kubelet.
type node struct {
	cfg         Config
	client      kubernetes.Interface
	events      record.EventRecorder
	log         *slog.Logger
	network     *network
	starter     *starter
	allocatable corev1.ResourceList

	// Set when virtual-kubelet is wired up, before the first pod comes.
	podLister listers.PodLister
	objects   *objectReader
	report    func(*corev1.Pod)

	mu      sync.Mutex
	pods    map[types.UID]*pod
	stopped bool
}

const (
	apiPort = 10250
	maxPods = 500

	// streamIdle ends an exec or port-forward on which nothing has been said for so long; virtual-kubelet's own half minute
	// would end a quiet shell.
	streamIdle = 4 * time.Hour
)

func newNode(cfg Config, client kubernetes.Interface, events record.EventRecorder, log *slog.Logger) (*node, error) {
	network, err := newNetwork(cfg)
	if err != nil {
		return nil, err
	}
	allocatable, err := machineResources()
	if err != nil {
		return nil, err
	}
	return &node{
		cfg:         cfg,
		client:      client,
		events:      events,
		log:         log,
		network:     network,
		starter:     newStarter(),
		allocatable: allocatable,
		pods:        map[types.UID]*pod{},
	}, nil
}

// wire joins the node with virtual-kubelet, which keeps the Node object and its lease, follows the pods bound to it and
// serves the kubelet's API.
func (n *node) wire() (*nodeutil.Node, error) {
	certificate, err := selfSigned(n.cfg.NodeIP)
	if err != nil {
		return nil, fmt.Errorf("make certificate: %w", err)
	}
	mux := http.NewServeMux()
	provide := func(pc nodeutil.ProviderConfig) (nodeutil.Provider, vknode.NodeProvider, error) {
		n.podLister = pc.Pods
		n.objects = &objectReader{client: n.client, configMaps: pc.ConfigMaps, secrets: pc.Secrets}
		n.describe(pc.Node)
		return n, nil, nil
	}
	configure := func(c *nodeutil.NodeConfig) error {
		// It would look for variables before the pod has an address.
		c.SkipDownwardAPIResolution = true
		c.HTTPListenAddr = net.JoinHostPort(n.cfg.NodeIP, strconv.Itoa(apiPort))
		c.TLSConfig = &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
		c.Handler = mux
		c.NumWorkers = 8
		c.StreamIdleTimeout = streamIdle
		c.StreamCreationTimeout = streamIdle     // virtual-kubelet takes one for the other in port-forward
		c.EventRecorder = &record.FakeRecorder{} // its events are not those of a real node
		return nil
	}
	return nodeutil.NewNode(n.cfg.NodeName, provide, nodeutil.WithClient(n.client), configure, nodeutil.AttachProviderRoutes(mux))
}

// describe fills in the Node object. Its version makes istiod choose native sidecars or not; its address and port are where
// the API server finds logs and exec.
func (n *node) describe(object *corev1.Node) {
	object.Labels = map[string]string{
		corev1.LabelHostname:   n.cfg.NodeName,
		corev1.LabelOSStable:   "linux",
		corev1.LabelArchStable: runtime.GOARCH,
	}
	// No host name: the API server would prefer it, and nobody resolves it.
	object.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: n.cfg.NodeIP}}
	object.Status.NodeInfo.KubeletVersion = n.cfg.KubeVersion
	object.Status.NodeInfo.OperatingSystem = "linux"
	object.Status.NodeInfo.Architecture = runtime.GOARCH
	object.Status.NodeInfo.ContainerRuntimeVersion = "process://"
	object.Status.DaemonEndpoints.KubeletEndpoint.Port = apiPort
	object.Status.Capacity = n.allocatable
	object.Status.Allocatable = n.allocatable
}

// machineResources is what this machine has; the lab's pods share it with everything else.
func machineResources() (corev1.ResourceList, error) {
	var info unix.Sysinfo_t
	if err := unix.Sysinfo(&info); err != nil {
		return nil, fmt.Errorf("read memory size: %w", err)
	}
	memory := int64(info.Totalram) * int64(info.Unit)
	return corev1.ResourceList{
		corev1.ResourceCPU:    *resource.NewQuantity(int64(runtime.NumCPU()), resource.DecimalSI),
		corev1.ResourceMemory: *resource.NewQuantity(memory, resource.BinarySI),
		corev1.ResourcePods:   *resource.NewQuantity(maxPods, resource.DecimalSI),
	}, nil
}

// selfSigned makes the serving certificate of the kubelet's API, which the API server does not check.
func selfSigned(ip string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "kubelet"},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().AddDate(1, 0, 0),
		IPAddresses:  []net.IP{net.ParseIP(ip)},
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{certificate}, PrivateKey: key}, nil
}
