package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

func kubectlCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:     "kubectl -- ARGS...",
		Short:   "Run kubectl against a lab",
		Example: "  lazylab kubectl -- get pods --all-namespaces",
		RunE: func(cmd *cobra.Command, args []string) error {
			l, err := s.lab()
			if err != nil {
				return err
			}
			return passThrough(cmd, l.KubectlCommand(cmd.Context(), args...))
		},
	}
}

// passThrough runs a program in the place of this one.
func passThrough(cmd *cobra.Command, program *exec.Cmd) error {
	program.Stdin, program.Stdout, program.Stderr = cmd.InOrStdin(), cmd.OutOrStdout(), cmd.ErrOrStderr()
	err := program.Run()
	if failed, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit(max(failed.ExitCode(), 1))
	}
	if err != nil {
		return fmt.Errorf("run %s: %w", program.Path, err)
	}
	return nil
}

func applyCommand(s *settings) *cobra.Command {
	var files []string
	var namespace string
	cmd := &cobra.Command{
		Use:     "apply -f FILE...",
		Short:   "Apply Kubernetes or Istio YAML",
		Example: "  lazylab apply -n demo -f bookinfo.yaml -f - < more.yaml",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := s.lab()
			if err != nil {
				return err
			}
			args := append([]string{"apply"}, flags("--filename", files)...)
			if namespace != "" {
				args = append(args, "--namespace", namespace)
			}
			if s.output == "json" {
				args = append(args, "--output", "json")
			}
			return passThrough(cmd, l.KubectlCommand(cmd.Context(), args...))
		},
	}
	cmd.Flags().StringArrayVarP(&files, "filename", "f", nil, "file, folder or URL with objects, - for standard input; may be repeated")
	cmd.Flags().StringVarP(&namespace, "namespace", "n", "", "namespace of objects that name none")
	_ = cmd.MarkFlagRequired("filename")
	return cmd
}

func installCommand(s *settings) *cobra.Command {
	var sets, values []string
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Install LazyXDS as built from this tree, by its chart",
		Example: `  lazylab install
  lazylab install --set egress.replicas=3       # also upgrades what is installed`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := s.lab()
			if err != nil {
				return err
			}
			args := append(flags("--set", sets), flags("--values", values)...)
			if err := l.Install(cmd.Context(), cmd.ErrOrStderr(), args...); err != nil {
				return err
			}
			return s.print(cmd.OutOrStdout(), map[string]any{"name": s.name, "installed": true}, func(w io.Writer) {
				fmt.Fprintf(w, "LazyXDS runs in lab %s; make a namespace lazy with\n"+
					"  lazylab kubectl --name %s -- annotate namespace NAME lazy-xds=true\n", s.name, s.name)
			})
		},
	}
	cmd.Flags().StringArrayVar(&sets, "set", nil, "chart value, k=v; may be repeated")
	cmd.Flags().StringArrayVarP(&values, "values", "f", nil, "file with chart values; may be repeated")
	return cmd
}

func uninstallCommand(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "uninstall",
		Short: "Uninstall LazyXDS",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			l, err := s.lab()
			if err != nil {
				return err
			}
			if err := l.Uninstall(cmd.Context()); err != nil {
				return err
			}
			return s.print(cmd.OutOrStdout(), map[string]any{"name": s.name, "installed": false}, func(w io.Writer) {
				fmt.Fprintf(w, "LazyXDS is gone from lab %s\n", s.name)
			})
		},
	}
}

func execCommand(s *settings) *cobra.Command {
	var stdin bool
	cmd := &cobra.Command{
		Use:   "exec POD|deploy/NAME -- COMMAND...",
		Short: "Run a command in a pod; its exit code is passed on",
		Long: `Run a command in a container, where the programs of this machine are at hand (curl, sh, nc and whatever is installed)
and labapp, the lab's own server and load client.`,
		Example: `  lazylab exec -n demo deploy/ratings-v1 -- curl -s http://details:9080/health
  lazylab exec -n demo -c istio-proxy deploy/ratings-v1 -- curl -s localhost:15000/clusters`,
	}
	t := target(cmd)
	cmd.Flags().BoolVarP(&stdin, "stdin", "i", false, "pass standard input to the command")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		names, command, err := afterDash(cmd, args, 1)
		if err != nil {
			return err
		}
		l, err := s.lab()
		if err != nil {
			return err
		}
		t.Name = names[0]
		streams := cluster.Streams{Stdout: os.Stdout, Stderr: os.Stderr}
		if stdin {
			streams.Stdin = os.Stdin
		}
		code, err := l.Stream(cmd.Context(), *t, streams, command...)
		if err != nil {
			return err
		}
		return exit(code)
	}
	return cmd
}

func logsCommand(s *settings) *cobra.Command {
	o := cluster.LogOptions{}
	cmd := &cobra.Command{
		Use:     "logs POD|deploy/NAME",
		Short:   "Print a container's log",
		Example: "  lazylab logs -n istio-system deploy/lazyxds -f",
		Args:    cobra.ExactArgs(1),
	}
	t := target(cmd)
	cmd.Flags().BoolVarP(&o.Follow, "follow", "f", false, "keep on printing")
	cmd.Flags().BoolVarP(&o.Previous, "previous", "p", false, "the log before the last restart")
	cmd.Flags().Int64Var(&o.Tail, "tail", 0, "lines from the end, all if 0")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		l, err := s.lab()
		if err != nil {
			return err
		}
		t.Name = args[0]
		return l.Logs(cmd.Context(), *t, o, cmd.OutOrStdout())
	}
	return cmd
}
