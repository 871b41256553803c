package cluster

import (
	"fmt"
	"os"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// writeKubeconfig writes a kubeconfig for the administrator that reaches the API server at address.
func writeKubeconfig(path, address, token string, keys pki) error {
	ca, err := os.ReadFile(keys.caCert())
	if err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	config := api.NewConfig()
	config.Clusters[nodeName] = &api.Cluster{Server: "https://" + address, CertificateAuthorityData: ca}
	config.AuthInfos["admin"] = &api.AuthInfo{Token: token}
	config.Contexts[nodeName] = &api.Context{Cluster: nodeName, AuthInfo: "admin"}
	config.CurrentContext = nodeName
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write kubeconfig: %w", err)
	}
	return nil
}
