// Package cli holds the sub-commands of kubectl lazyxds, one file each.
package cli

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	networkingv1 "istio.io/client-go/pkg/apis/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/cli-runtime/pkg/genericclioptions"
	"k8s.io/cli-runtime/pkg/genericiooptions"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/lazyxds/lazyxds/api/v1alpha1"
)

// command is what the sub-commands share.
type command struct {
	genericiooptions.IOStreams
	flags *genericclioptions.ConfigFlags
}

// New returns the plugin's root command.
func New(streams genericiooptions.IOStreams) *cobra.Command {
	c := &command{IOStreams: streams, flags: genericclioptions.NewConfigFlags(true)}
	root := &cobra.Command{
		Use:   "kubectl-lazyxds",
		Short: "See and remove what LazyXDS does to the workloads of an Istio mesh",
		Long: `See and remove what LazyXDS does to the workloads of an Istio mesh.

LazyXDS gives each lazy workload only the services it uses. A workload becomes lazy by the annotation lazy-xds: "true" on
its namespace, on a Service that selects it, or on the workload itself.`,
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: "kubectl lazyxds"},
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(streams.In)
	root.SetOut(streams.Out)
	root.SetErr(streams.ErrOut)
	c.flags.AddFlags(root.PersistentFlags())
	root.AddCommand(newStatus(c), newCleanup(c), newVersion(c))
	return root
}

// client connects to the cluster that the flags and the kubeconfig name.
func (c *command) client() (client.Client, error) {
	config, err := c.flags.ToRESTConfig()
	if err != nil {
		return nil, fmt.Errorf("read kubeconfig: %w", err)
	}
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	cl, err := client.New(config, client.Options{Scheme: scheme})
	if err != nil {
		return nil, fmt.Errorf("connect to the cluster: %w", err)
	}
	return cl, nil
}

// namespace is the one that the flags or the kubeconfig's context name.
func (c *command) namespace() (string, error) {
	namespace, _, err := c.flags.ToRawKubeConfigLoader().Namespace()
	if err != nil {
		return "", fmt.Errorf("read kubeconfig: %w", err)
	}
	return namespace, nil
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, networkingv1.AddToScheme, v1alpha1.AddToScheme} {
		if err := add(scheme); err != nil {
			return nil, fmt.Errorf("register API types: %w", err)
		}
	}
	return scheme, nil
}

var errNotInstalled = errors.New("this cluster does not know WorkloadScopes: LazyXDS is not installed in it")

// explain turns the API server's words for a missing CRD into the user's.
func explain(err error) error {
	if meta.IsNoMatchError(err) {
		return errNotInstalled
	}
	return err
}
