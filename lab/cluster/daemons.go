package cluster

import (
	"path/filepath"

	"github.com/lazyxds/lazyxds/lab/components"
)

// The daemons of a lab, by the names that logs, status and faults use.
const (
	etcd              = "etcd"
	apiserver         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	kubeProxy         = "kube-proxy"
	kubeletDaemon     = "kubelet"
	forwarder         = "forwarder"
)

// daemon is a program of the control plane with its command line.
type daemon struct {
	component string
	args      []string
}

func etcdDaemon(p components.Paths, dir string) daemon {
	return daemon{etcd, []string{
		p.Etcd, "--name", nodeName,
		"--data-dir", filepath.Join(dir, "etcd"),
		"--listen-peer-urls", "http://127.0.0.1:2380",
		// Nothing of a lab outlives the machine.
		"--unsafe-no-fsync",
		"--quota-backend-bytes", "2147483648",
	}}
}

func apiserverDaemon(p components.Paths, keys pki, addresses plan) daemon {
	const issuer = "https://kubernetes.default.svc"
	return daemon{apiserver, []string{
		p.KubeAPIServer,
		"--etcd-servers", "http://127.0.0.1:2379",
		"--bind-address", addresses.any, "--secure-port", apiPort, "--advertise-address", addresses.nodeIP,
		"--tls-cert-file", keys.serverCert(), "--tls-private-key-file", keys.serverKey(), "--cert-dir", keys.dir,
		"--token-auth-file", keys.tokens(),
		"--authorization-mode", "Node,RBAC",
		"--service-account-key-file", keys.tokenKey(), "--service-account-signing-key-file", keys.tokenKey(),
		"--service-account-issuer", issuer,
		// istio-ca is the audience of the tokens with which sidecars ask istiod for their certificates.
		"--api-audiences", issuer + ",kubernetes,istio-ca",
		"--service-cluster-ip-range", addresses.serviceCIDR,
		"--allow-privileged",
		// New nodes are tainted until something that watches their health, which is not here, finds them ready.
		"--disable-admission-plugins", "TaintNodesByCondition",
	}}
}

func controllerManagerDaemon(p components.Paths, keys pki, kubeconfig string) daemon {
	return daemon{controllerManager, []string{
		p.KubeControllerManager, "--kubeconfig", kubeconfig,
		// The node is always there: nothing gives it addresses or watches its health.
		"--controllers", "*,-nodeipam,-nodelifecycle,-cloud-node-lifecycle",
		"--leader-elect=false",
		"--use-service-account-credentials",
		"--service-account-private-key-file", keys.tokenKey(), "--root-ca-file", keys.caCert(),
		"--bind-address", "127.0.0.1",
		// The defaults take minutes for a mesh of a thousand services.
		"--kube-api-qps", "300", "--kube-api-burst", "600",
	}}
}

func kubeProxyDaemon(p components.Paths, kubeconfig string, addresses plan) daemon {
	return daemon{kubeProxy, []string{
		p.KubeProxy, "--kubeconfig", kubeconfig,
		"--hostname-override", nodeName, "--cluster-cidr", addresses.podCIDR,
		"--proxy-mode", "iptables",
		// These sysctls belong to the machine, not to the namespace.
		"--conntrack-max-per-core", "0", "--conntrack-tcp-timeout-established", "0", "--conntrack-tcp-timeout-close-wait", "0",
	}}
}
