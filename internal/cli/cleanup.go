package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/internal/apply"
	"github.com/lazyxds/lazyxds/internal/plan"
)

type cleanupOptions struct {
	*command
	systemNamespace string
	settle          time.Duration
	dryRun, yes     bool
}

func newCleanup(c *command) *cobra.Command {
	o := &cleanupOptions{command: c}
	cmd := &cobra.Command{
		Use:   "cleanup",
		Short: "Widen all workloads and remove what the controller wrote",
		Long: `Widen all workloads and remove what the controller wrote, without losing a request.

The controller is scaled to zero, the Sidecars of lazy workloads are deleted, and when all proxies have their full scope
again the divert rules and the WorkloadScopes follow, with everything that was learned, and the AuthorizationPolicies that
keep the fallback egress out. The egress has to run until the end; it and the controller's Deployment can be deleted
afterwards. helm uninstall does all this by itself.`,
		Example: `  # what would be removed
  kubectl lazyxds cleanup --dry-run

  # before an installation from static manifests is deleted
  kubectl lazyxds cleanup
  kubectl delete -f install/lazyxds-controller.yaml -f install/lazyxds-egress.yaml`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	addSystemNamespaceFlag(cmd, &o.systemNamespace)
	cmd.Flags().DurationVar(&o.settle, "settle", 2*time.Second, "how long the proxies get to take their full scope in")
	cmd.Flags().BoolVar(&o.dryRun, "dry-run", false, "only show what would be done")
	cmd.Flags().BoolVarP(&o.yes, "yes", "y", false, "do not ask")
	return cmd
}

func (o *cleanupOptions) run(ctx context.Context) error {
	cl, err := o.client()
	if err != nil {
		return err
	}
	clean := func(dryRun bool) (steps int, err error) {
		err = apply.Cleanup(ctx, cl, apply.CleanupOptions{
			Namespace: o.systemNamespace, Warm: plan.WarmTime, Settle: o.settle, DryRun: dryRun,
			Progress: func(step string) {
				steps++
				fmt.Fprintln(o.Out, step)
			},
		})
		if err == nil && steps == 0 {
			fmt.Fprintln(o.ErrOut, "Nothing to remove.")
		}
		return steps, err
	}
	if o.dryRun || !o.yes {
		if steps, err := clean(true); err != nil || steps == 0 || o.dryRun {
			return err
		}
		if err := o.confirm(); err != nil {
			return err
		}
	}
	_, err = clean(false)
	return err
}

var errNotConfirmed = errors.New("nothing was changed: the answer was not yes")

// confirm asks whether the steps shown above may be done.
func (o *cleanupOptions) confirm() error {
	fmt.Fprint(o.ErrOut, "Do this? [y/N] ")
	answer, err := bufio.NewReader(o.In).ReadString('\n')
	if err != nil && answer == "" {
		fmt.Fprintln(o.ErrOut)
		return fmt.Errorf("%w (--yes answers beforehand)", errNotConfirmed)
	}
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	return errNotConfirmed
}
