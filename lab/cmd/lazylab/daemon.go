package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/cluster"
	"github.com/lazyxds/lazyxds/lab/kubelet"
)

func kubeletCommand() *cobra.Command {
	var file string
	cmd := &cobra.Command{
		Use:    "kubelet",
		Short:  "Serve a lab's node; started by up",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			text, err := os.ReadFile(file)
			if err != nil {
				return fmt.Errorf("read configuration: %w", err)
			}
			var config kubelet.Config
			if err := json.Unmarshal(text, &config); err != nil {
				return fmt.Errorf("read configuration %s: %w", file, err)
			}
			return kubelet.Run(cmd.Context(), config)
		},
	}
	cmd.Flags().StringVar(&file, "config", "", "configuration as JSON")
	_ = cmd.MarkFlagRequired("config")
	return cmd
}

func forwardCommand() *cobra.Command {
	var address string
	cmd := &cobra.Command{
		Use:    "forward",
		Short:  "Pass connections on to a lab's API server; started by up",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			const inherited = 3
			return cluster.Forward(cmd.Context(), os.NewFile(inherited, "listener"), address)
		},
	}
	cmd.Flags().StringVar(&address, "to", "", "address of the API server")
	_ = cmd.MarkFlagRequired("to")
	return cmd
}
