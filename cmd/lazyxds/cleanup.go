package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lazyxds/lazyxds/internal/apply"
	"github.com/lazyxds/lazyxds/internal/plan"
	"github.com/lazyxds/lazyxds/internal/watch"
)

func newCleanupCommand() *cobra.Command {
	opts := apply.CleanupOptions{Warm: plan.WarmTime}
	log := &logging{}
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Give every workload the full scope back and remove what the controller wrote",
		Long: `Give every workload the full scope back and remove what the controller wrote.

The controller is scaled to zero first. Sidecars go before divert rules, so that no request is lost; the fallback egress must
still run, and can be removed afterwards. What has been learned is lost.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if _, err := log.logger(cmd.ErrOrStderr()); err != nil {
				return err
			}
			if opts.Namespace == "" {
				return fmt.Errorf("--namespace is not set, and neither is POD_NAMESPACE")
			}
			config, err := restConfig()
			if err != nil {
				return err
			}
			direct, err := client.New(config, client.Options{Scheme: watch.Scheme()})
			if err != nil {
				return fmt.Errorf("make a client: %w", err)
			}
			opts.Progress = func(line string) { cmd.Println(line) }
			return apply.Cleanup(cmd.Context(), direct, opts)
		},
	}
	registerNamespace(cmd.Flags(), &opts.Namespace)
	cmd.Flags().DurationVar(&opts.Settle, "settle", 2*time.Second,
		"time to wait between Sidecars and divert rules, for all proxies to have their full scope")
	cmd.Flags().BoolVar(&opts.DryRun, "dry-run", false, "only print what would be done")
	log.register(cmd.Flags())
	return cmd
}
