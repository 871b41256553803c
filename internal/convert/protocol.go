package convert

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// protocols are the names Istio knows, as appProtocol, as port name prefix and in ServiceEntries.
var protocols = map[string]mesh.Protocol{
	"http": mesh.HTTP, "http2": mesh.HTTP, "grpc": mesh.HTTP, "grpc-web": mesh.HTTP, "http_proxy": mesh.HTTP,
	"https": mesh.TLS, "tls": mesh.TLS,
	"tcp": mesh.TCP, "mongo": mesh.TCP, "mysql": mesh.TCP, "redis": mesh.TCP,
	"udp": mesh.UDP,
}

// kubernetesProtocols are the appProtocol values that Kubernetes itself defines.
var kubernetesProtocols = map[string]mesh.Protocol{
	"kubernetes.io/h2c": mesh.HTTP,
	"kubernetes.io/ws":  mesh.HTTP,
	"kubernetes.io/wss": mesh.TLS,
}

// serverFirst are the port numbers on which Istio never sniffs an undeclared protocol: SMTP, DNS, MySQL and MongoDB
// servers may speak before their clients do.
var serverFirst = map[int32]bool{25: true, 53: true, 3306: true, 27017: true}

// servicePortProtocol follows Istio's protocol selection: UDP, then appProtocol, then the port name up to its first
// dash, then the well-known numbers.
func servicePortProtocol(p *corev1.ServicePort) mesh.Protocol {
	if p.Protocol == corev1.ProtocolUDP {
		return mesh.UDP
	}
	name := p.Name
	if p.AppProtocol != nil {
		name = *p.AppProtocol
		if protocol, ok := kubernetesProtocols[name]; ok {
			return protocol
		}
	}
	name = strings.ToLower(name)
	if strings.HasPrefix(name, "grpc-web") {
		return mesh.HTTP
	}
	prefix, _, _ := strings.Cut(name, "-")
	if protocol, ok := protocols[prefix]; ok {
		return protocol
	}
	if serverFirst[p.Port] {
		return mesh.TCP
	}
	return mesh.Undeclared
}
