// Command helm is the Helm CLI, built from its Go module: the lab installs charts the way users do.
package main

import (
	"errors"
	"log/slog"
	"os"

	helmcmd "helm.sh/helm/v4/pkg/cmd"
	"helm.sh/helm/v4/pkg/kube"
)

func main() {
	kube.ManagedFieldsManager = "helm" // the name users find in managedFields
	cmd, err := helmcmd.NewRootCmd(os.Stdout, os.Args[1:], helmcmd.SetupLogging)
	if err != nil {
		slog.Error("start helm", "err", err)
		os.Exit(1)
	}
	if err := cmd.Execute(); err != nil {
		if exit, ok := errors.AsType[helmcmd.CommandError](err); ok {
			os.Exit(exit.ExitCode)
		}
		os.Exit(1)
	}
}
