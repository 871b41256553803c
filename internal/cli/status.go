package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/printers"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
)

type statusOptions struct {
	*command
	allNamespaces bool
	print         *genericclioptions.PrintFlags
}

func newStatus(c *command) *cobra.Command {
	o := &statusOptions{command: c, print: genericclioptions.NewPrintFlags("")}
	cmd := &cobra.Command{
		Use:   "status [KIND/NAME ...]",
		Short: "Show which workloads are lazy, and what they use",
		Long: `Show which workloads are lazy, and what they use: one line for each WorkloadScope.

READY tells whether the workload is narrowed to its scope right now, REASON why (not). SERVICES is the number of services in
scope, LEARNED how many of them are there because the workload was seen to call them. EXPIRES (-o wide) is the time until the
first of those leaves the scope unless it is called, <waits> if it is due but the workload's sidecars are silent.`,
		Example: `  # the workloads of the current namespace, then of all
  kubectl lazyxds status
  kubectl lazyxds status -A

  # one workload, with the message behind its state
  kubectl lazyxds status deploy/reviews-v1 -n demo -o wide

  # every service it uses, and why
  kubectl lazyxds status deploy/reviews-v1 -n demo -o yaml`,
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVarP(&o.allNamespaces, "all-namespaces", "A", false, "show the workloads of all namespaces")
	o.print.AddFlags(cmd)
	cmd.Flags().Lookup("output").Usage = "table, wide, " + strings.Join(o.print.AllowedFormats(), ", ")
	return cmd
}

func (o *statusOptions) run(ctx context.Context, args []string) error {
	targets, err := parseTargets(args)
	if err != nil {
		return err
	}
	namespace := ""
	if !o.allNamespaces {
		if namespace, err = o.namespace(); err != nil {
			return err
		}
	}
	cl, err := o.client()
	if err != nil {
		return err
	}
	var scopes v1alpha1.WorkloadScopeList
	if err := cl.List(ctx, &scopes, client.InNamespace(namespace)); err != nil {
		return fmt.Errorf("list WorkloadScopes: %w", explain(err))
	}
	if err := selectTargets(&scopes, targets); err != nil {
		return err
	}
	return o.show(&scopes, time.Now())
}

// show prints the scopes in the format asked for.
func (o *statusOptions) show(scopes *v1alpha1.WorkloadScopeList, now time.Time) error {
	slices.SortFunc(scopes.Items, func(a, b v1alpha1.WorkloadScope) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	switch *o.print.OutputFormat {
	case "", "table", "wide":
		if len(scopes.Items) == 0 {
			fmt.Fprintln(o.ErrOut, "No lazy workloads found.")
			return nil
		}
		options := printers.PrintOptions{WithNamespace: o.allNamespaces, Wide: *o.print.OutputFormat == "wide"}
		return printers.NewTablePrinter(options).PrintObj(statusTable(scopes.Items, now), o.Out)
	}
	scheme, err := newScheme()
	if err != nil {
		return err
	}
	printer, err := o.print.WithTypeSetter(scheme).ToPrinter()
	if err != nil {
		return err
	}
	if *o.print.OutputFormat != "name" {
		return printer.PrintObj(scopes, o.Out)
	}
	for i := range scopes.Items {
		if err := printer.PrintObj(&scopes.Items[i], o.Out); err != nil {
			return err
		}
	}
	return nil
}
