package cluster

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/lazyxds/lazyxds/lab/components"
	"github.com/lazyxds/lazyxds/lab/kubelet"
)

// writeKubeletConfig writes the configuration with which `lazylab kubelet` serves the lab's node.
func (s starter) writeKubeletConfig() (string, error) {
	p := s.paths
	config := kubelet.Config{
		Kubeconfig: s.lab.nodeKubeconfig(),
		NodeName:   nodeName, NodeIP: s.addresses.nodeIP, Netns: nodeNetns(s.lab.name),
		Dir:     filepath.Join(s.lab.dir(), "kubelet"),
		Prefix:  podPrefix(s.lab.name),
		PodCIDR: s.addresses.podCIDR, ServiceIP: s.addresses.apiIP, ClusterDNS: s.addresses.dnsIP, ClusterDomain: domain,
		KubeVersion: components.KubernetesVersion,
		Components: map[string]string{
			"coredns":         p.CoreDNS,
			"envoy":           p.Envoy,
			"envoy-bootstrap": p.EnvoyBootstrap(),
			"go-httpbin":      p.HTTPBin,
			"labapp":          p.LabApp,
			"lazyxds":         p.LazyXDS,
			"pilot-agent":     p.PilotAgent,
			"pilot-discovery": p.PilotDiscovery,
		},
	}
	text, err := json.MarshalIndent(config, "", "  ")
	if err != nil {
		return "", fmt.Errorf("encode the kubelet's configuration: %w", err)
	}
	path := filepath.Join(s.lab.dir(), "kubelet.json")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return "", fmt.Errorf("write the kubelet's configuration: %w", err)
	}
	return path, nil
}
