// Command pilot-agent is the lab's sidecar agent, built from Istio's Go module.
package main

import (
	"os"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/cmd/pilot-agent/app"
	istioagent "istio.io/istio/pkg/istio-agent"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/security"
	"istio.io/istio/security/pkg/nodeagent/sds"
)

func main() {
	log.EnableKlogWithCobra()
	root := app.NewRootCommand(func(o *security.Options, m security.SecretManager, k *meshconfig.PrivateKeyProvider) istioagent.SDSService {
		return sds.NewServer(o, m, k)
	})
	if err := root.Execute(); err != nil {
		log.Error(err)
		os.Exit(-1)
	}
}
