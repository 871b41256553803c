package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// settings are the flags every command takes.
type settings struct {
	name   string
	output string
}

func rootCommand() *cobra.Command {
	s := &settings{}
	root := &cobra.Command{
		Use:   "lazylab",
		Short: "Real Istio meshes on one Linux machine, without containers",
		Long: `lazylab runs real Istio meshes on one Linux machine: etcd, the Kubernetes control plane, CoreDNS, istiod, Envoy and
your pods as processes in network namespaces of their own. No container runtime, no images; root is needed.`,
		Example: `  lazylab up                                    # a mesh, ready in some seconds once everything is built
  lazylab apply -n demo -f bookinfo.yaml        # any Kubernetes or Istio YAML
  lazylab exec -n demo deploy/productpage-v1 -- curl -s http://reviews:9080/health
  lazylab install                               # LazyXDS as built from this tree
  lazylab down                                  # nothing stays`,
		SilenceErrors: true, SilenceUsage: true,
	}
	root.PersistentFlags().StringVar(&s.name, "name", cluster.DefaultName, "the lab's name, 1 to 8 of a-z and 0-9")
	root.PersistentFlags().StringVarP(&s.output, "output", "o", "text", "text or json")
	root.PersistentPreRunE = func(*cobra.Command, []string) error {
		if s.output != "text" && s.output != "json" {
			return fmt.Errorf("unknown output %q, choose text or json", s.output)
		}
		return nil
	}
	root.AddCommand(
		upCommand(s), downCommand(s), statusCommand(s), listCommand(s), kubeconfigCommand(s), kubectlCommand(s),
		installCommand(s), uninstallCommand(s), applyCommand(s), execCommand(s), logsCommand(s),
		loadCommand(s), measureCommand(s), faultCommand(s), demoCommand(s),
		kubeletCommand(), forwardCommand(),
	)
	return root
}

// lab finds the lab the command is about.
func (s *settings) lab() (*cluster.Lab, error) {
	l, err := cluster.Find(s.name)
	if err != nil {
		return nil, fmt.Errorf("%w (start it with: lazylab up --name %s)", err, s.name)
	}
	return l, nil
}

// print writes a result as the user asked for.
func (s *settings) print(w io.Writer, result any, text func(io.Writer)) error {
	if s.output != "json" {
		text(w)
		return nil
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	if err := enc.Encode(result); err != nil {
		return fmt.Errorf("print result: %w", err)
	}
	return nil
}

// target adds the flags that choose a container to cmd.
func target(cmd *cobra.Command) *cluster.Target {
	t := &cluster.Target{}
	cmd.Flags().StringVarP(&t.Namespace, "namespace", "n", "default", "namespace")
	cmd.Flags().StringVarP(&t.Container, "container", "c", "", "container, the pod's default one if not given")
	return t
}

// afterDash checks that a command line has the shape NAME -- COMMAND... and splits it; names before -- may be none.
func afterDash(cmd *cobra.Command, args []string, names int) ([]string, []string, error) {
	dash := cmd.ArgsLenAtDash()
	if dash < 0 {
		dash = min(names, len(args))
	}
	if dash != names || len(args) == names {
		return nil, nil, fmt.Errorf("usage: %s", strings.TrimSpace(cmd.UseLine()))
	}
	return args[:dash], args[dash:], nil
}
