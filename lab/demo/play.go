package demo

import (
	"fmt"
	"io"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// WritePlay tells what can be tried in the demo's lab; lazylab is the command as the user calls it.
func WritePlay(w io.Writer, l *cluster.Lab, lazylab string) {
	command := lazylab
	if l.Name() != cluster.DefaultName {
		command += " --name " + l.Name()
	}
	fmt.Fprintf(w, `
The mesh stays up until Ctrl-C. To play on, in another terminal:

  export KUBECONFIG=%[1]s

What was learned, and why each service is in a scope:
  %[2]s kubectl -- get workloadscopes -A
  %[2]s kubectl -- get workloadscope -n %[3]s -o yaml \
      deployment-client

A service nobody has called yet: watch it move to the direct path:
  %[2]s load -n %[3]s --from deploy/client \
      --url %[4]s --keepalive=false --rps 20 --for 5s
  %[2]s exec -n %[3]s deploy/client -- \
      curl -s %[4]s

What the client's sidecar carries by now:
  %[2]s measure -n %[3]s deploy/client

Make another namespace lazy, or take this one back:
  %[2]s kubectl -- annotate namespace %[5]s lazy-xds=true
  %[2]s kubectl -- annotate namespace %[3]s lazy-xds-

`, l.Kubeconfig(), command, lazyNamespace, serviceURL(spareService), echoNamespace)
}
