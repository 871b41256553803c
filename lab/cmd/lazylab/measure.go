package main

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/cluster"
	"github.com/lazyxds/lazyxds/lab/measure"
)

func measureCommand(s *settings) *cobra.Command {
	var namespace string
	cmd := &cobra.Command{
		Use:   "measure POD|deploy/NAME",
		Short: "Show how much configuration a sidecar gets, and Envoy's heap",
		Long: `Show the bytes and the number of resources that istiod sends to the sidecar of a pod, by type, and the memory Envoy has
allocated. Inbound holds the clusters and the listener for traffic to the pod itself, which cds and lds leave out.
The figures are of a state in which Envoy has what istiod sends; the command waits for it, and fails if Envoy refuses
some of it.`,
		Example: "  lazylab measure -n demo deploy/productpage-v1 -o json",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := s.lab()
			if err != nil {
				return err
			}
			result, err := measure.Pod(cmd.Context(), l, cluster.Target{Namespace: namespace, Name: args[0]})
			if err != nil {
				return err
			}
			return s.print(cmd.OutOrStdout(), result, func(w io.Writer) { printMeasure(w, result) })
		},
	}
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "default", "namespace")
	return cmd
}

func printMeasure(w io.Writer, r measure.Result) {
	fmt.Fprintf(w, "%s: %d services, Envoy heap %.1f MB\n", r.Pod, r.Services, float64(r.HeapBytes)/1e6)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tTOTAL\tCDS\tEDS\tLDS\tRDS\tINBOUND\t")
	for _, row := range []struct {
		name string
		measure.Count
	}{{"bytes", r.Bytes}, {"resources", r.Resources}} {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", row.name, row.Total, row.CDS, row.EDS, row.LDS, row.RDS, row.Inbound)
	}
	_ = t.Flush()
}
