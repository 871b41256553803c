package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/lazyxds/lazyxds/internal/version"
)

// controllerName is the name of the controller's Deployment.
const controllerName = "lazyxds"

type versionOptions struct {
	*command
	clientOnly      bool
	output          string
	systemNamespace string
}

// versions is what the command prints.
type versions struct {
	Client version.Info `json:"client"`
	// Controller is the image that the controller's Deployment runs.
	Controller *controllerVersion `json:"controller,omitempty"`
}

type controllerVersion struct {
	Image string `json:"image"`
	// Ready and Replicas tell how many replicas serve, of how many wanted.
	Ready    int32 `json:"ready"`
	Replicas int32 `json:"replicas"`
}

func newVersion(c *command) *cobra.Command {
	o := &versionOptions{command: c}
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Show the version of this plugin and the image of the controller",
		Example: `  kubectl lazyxds version
  kubectl lazyxds version --client
  kubectl lazyxds version -o json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context()) },
	}
	cmd.Flags().BoolVar(&o.clientOnly, "client", false, "show the plugin's version only, without asking the cluster")
	cmd.Flags().StringVarP(&o.output, "output", "o", "", "json or yaml; by default lines for people")
	addSystemNamespaceFlag(cmd, &o.systemNamespace)
	return cmd
}

// addSystemNamespaceFlag adds the flag that says where LazyXDS itself runs.
func addSystemNamespaceFlag(cmd *cobra.Command, target *string) {
	cmd.Flags().StringVar(target, "system-namespace", "istio-system", "the namespace that LazyXDS is installed in")
}

func (o *versionOptions) run(ctx context.Context) error {
	v := versions{Client: version.Get()}
	if o.clientOnly {
		return o.show(v)
	}
	var err error
	if v.Controller, err = o.controller(ctx); err != nil {
		o.clientOnly = true // the plugin's own version is known, whatever the cluster says
		return errors.Join(o.show(v), err)
	}
	return o.show(v)
}

// controller asks the cluster for the controller; nil if there is none.
func (o *versionOptions) controller(ctx context.Context) (*controllerVersion, error) {
	cl, err := o.client()
	if err != nil {
		return nil, err
	}
	var deployment appsv1.Deployment
	key := client.ObjectKey{Namespace: o.systemNamespace, Name: controllerName}
	if err := cl.Get(ctx, key, &deployment); apierrors.IsNotFound(err) {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("get deployment %s: %w", key, err)
	}
	v := &controllerVersion{Ready: deployment.Status.ReadyReplicas, Replicas: deployment.Status.Replicas}
	for _, container := range deployment.Spec.Template.Spec.Containers {
		if container.Name == controllerName {
			v.Image = container.Image
		}
	}
	return v, nil
}

func (o *versionOptions) show(v versions) error {
	switch o.output {
	case "json":
		encoder := json.NewEncoder(o.Out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(v)
	case "yaml":
		data, err := yaml.Marshal(v)
		if err != nil {
			return fmt.Errorf("render versions: %w", err)
		}
		_, err = o.Out.Write(data)
		return err
	case "":
		fmt.Fprintln(o.Out, "Client:    ", v.Client)
		switch {
		case o.clientOnly:
		case v.Controller == nil:
			fmt.Fprintf(o.Out, "Controller: not installed in namespace %s\n", o.systemNamespace)
		default:
			fmt.Fprintf(o.Out, "Controller: %s (%d of %d replicas ready)\n", v.Controller.Image, v.Controller.Ready, v.Controller.Replicas)
		}
		return nil
	}
	return fmt.Errorf("unknown output format %q: use json or yaml", o.output)
}
