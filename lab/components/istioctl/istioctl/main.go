// Command istioctl is the part of Istio's command line that analyzes configuration, built from Istio's Go module.
package main

import (
	"os"

	"github.com/spf13/cobra"
	"istio.io/istio/istioctl/pkg/analyze"
	"istio.io/istio/istioctl/pkg/cli"
	"istio.io/istio/istioctl/pkg/root"
	"istio.io/istio/pkg/log"
)

func main() {
	logging := root.LoggingOptions
	logging.OutputPaths = []string{"stderr"}
	cmd := &cobra.Command{
		Use:               "istioctl",
		SilenceUsage:      true,
		PersistentPreRunE: func(*cobra.Command, []string) error { return log.Configure(logging) },
	}
	cmd.AddCommand(analyze.Analyze(cli.NewCLIContext(cli.AddRootFlags(cmd.PersistentFlags()))))
	if err := cmd.Execute(); err != nil {
		os.Exit(1)
	}
}
