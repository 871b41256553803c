package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/cluster"
	"github.com/lazyxds/lazyxds/lab/components"
)

func upCommand(s *settings) *cobra.Command {
	o := cluster.Options{}
	var sets, values []string
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Start a lab with a ready mesh",
		Long: `Start a lab: a Kubernetes control plane with Istio, ready for pods with sidecars. What it consists of is built and
fetched on first use, which takes some minutes; later starts take seconds. A lab that runs already stays as it is, what
is left of one that died is removed first.`,
		Example: `  lazylab up
  lazylab up --name new --istio 1.31            # a second one beside it
  lazylab up --istio-set meshConfig.outboundTrafficPolicy.mode=REGISTRY_ONLY`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			begin := time.Now()
			o.Name, o.Progress = s.name, cmd.ErrOrStderr()
			o.IstioArgs = append(flags("--set", sets), flags("--values", values)...)
			l, err := cluster.Up(cmd.Context(), o)
			if err != nil {
				return err
			}
			status := l.Status(cmd.Context())
			return s.print(cmd.OutOrStdout(), status, func(w io.Writer) {
				fmt.Fprintf(w, "lab %s with Istio %s is ready after %.1f s\n  export KUBECONFIG=%s\n",
					l.Name(), status.Istio, time.Since(begin).Seconds(), l.Kubeconfig())
			})
		},
	}
	cmd.Flags().StringVar(&o.IstioLine, "istio", components.DefaultLine, "Istio release line: "+strings.Join(components.LineNames(), " or "))
	cmd.Flags().StringVar((*string)(&o.Family), "ip-family", string(cluster.IPv4), "IP family of the cluster: "+strings.Join(cluster.Families(), " or "))
	cmd.Flags().StringVar(&o.Repo, "repo", "", "LazyXDS source tree, searched if not given")
	cmd.Flags().StringArrayVar(&sets, "istio-set", nil, "value for istiod's chart, k=v; may be repeated")
	cmd.Flags().StringArrayVar(&values, "istio-values", nil, "file with values for istiod's chart; may be repeated")
	cmd.Flags().BoolVar(&o.Keep, "keep", false, "leave a lab that does not get ready as it is")
	return cmd
}

// flags repeats a flag for each value.
func flags(name string, values []string) []string {
	var args []string
	for _, v := range values {
		args = append(args, name, v)
	}
	return args
}

func downCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "down",
		Short: "Stop a lab and remove all of it",
		Long: `Stop a lab and remove all of it: processes, network namespaces, mounts and files, in whatever state it is. Without a
lab of that name there is nothing to do, which is no error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			found, err := cluster.Down(cmd.Context(), s.name)
			if err != nil {
				return err
			}
			return s.print(cmd.OutOrStdout(), map[string]any{"name": s.name, "removed": found}, func(w io.Writer) {
				if found {
					fmt.Fprintf(w, "lab %s is gone\n", s.name)
				} else {
					fmt.Fprintf(w, "there is no lab %s, nothing to do\n", s.name)
				}
			})
		},
	}
}

func statusCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "status",
		Short: "Show whether a lab is healthy, and where its logs are",
		Long:  "Show the daemons of a lab and count its pods. The exit code is 1 if the lab is not ready or there is none.",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := s.lab()
			if err != nil {
				return err
			}
			status := l.Status(cmd.Context())
			err = s.print(cmd.OutOrStdout(), status, func(w io.Writer) { printStatus(w, status) })
			if err == nil && !status.Ready {
				return exitCode(1)
			}
			return err
		},
	}
}

func printStatus(w io.Writer, s cluster.Status) {
	condition := "ready"
	if !s.Ready {
		condition = "NOT READY: " + s.Problem
	}
	fmt.Fprintf(w, "lab %s, Istio %s, up %s: %s\npods ready: %d of %d\nkubeconfig: %s\n\n",
		s.Name, s.Istio, time.Since(s.Created).Round(time.Second), condition, s.Pods.Ready, s.Pods.Total, s.Kubeconfig)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "COMPONENT\tPID\tRUNNING\tLOG")
	for _, c := range s.Components {
		fmt.Fprintf(t, "%s\t%d\t%t\t%s\n", c.Name, c.PID, c.Running, c.Log)
	}
	_ = t.Flush()
}

func listCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List all labs",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			names, err := cluster.List()
			if err != nil {
				return err
			}
			all := []cluster.Status{}
			for _, name := range names {
				l, err := cluster.Find(name)
				if err != nil {
					all = append(all, cluster.Status{Name: name, Problem: err.Error()})
					continue
				}
				all = append(all, l.Status(cmd.Context()))
			}
			return s.print(cmd.OutOrStdout(), all, func(w io.Writer) {
				t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
				fmt.Fprintln(t, "NAME\tISTIO\tREADY\tPODS\tPROBLEM")
				for _, st := range all {
					fmt.Fprintf(t, "%s\t%s\t%t\t%d/%d\t%s\n", st.Name, st.Istio, st.Ready, st.Pods.Ready, st.Pods.Total, st.Problem)
				}
				_ = t.Flush()
			})
		},
	}
}

func kubeconfigCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "kubeconfig",
		Short:   "Print the path of a kubeconfig that works on this machine",
		Example: "  export KUBECONFIG=$(lazylab kubeconfig)",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := s.lab()
			if err != nil {
				return err
			}
			if _, err := os.Stat(l.Kubeconfig()); err != nil {
				return errors.Join(errors.New("the lab was not started to the end"), err)
			}
			return s.print(cmd.OutOrStdout(), map[string]string{"kubeconfig": l.Kubeconfig()}, func(w io.Writer) {
				fmt.Fprintln(w, l.Kubeconfig())
			})
		},
	}
}
