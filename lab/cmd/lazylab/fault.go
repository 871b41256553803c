package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

func faultCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:       "fault kill|stop|cont|restart COMPONENT|POD|deploy/NAME",
		Short:     "Break a part of a lab, and mend it",
		ValidArgs: []string{"kill", "stop", "cont", "restart"},
		Long: `Break a part of a lab: kill ends it as a crash does, stop freezes it, cont lets it go on, restart starts a component
again. A component stays dead until it is restarted; a killed container is restarted by the kubelet.
Components: ` + strings.Join(cluster.Components(), ", ") + ".",
		Example: `  lazylab fault stop kube-apiserver && sleep 20 && lazylab fault cont kube-apiserver
  lazylab fault kill -n istio-system deploy/lazyxds
  lazylab fault kill -n istio-system deploy/istiod`,
		Args: cobra.ExactArgs(2),
	}
	t := target(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		l, err := s.lab()
		if err != nil {
			return err
		}
		action, victim := args[0], args[1]
		if slices.Contains(cluster.Components(), victim) {
			err = breakComponent(cmd.Context(), l, action, victim)
		} else {
			t.Name = victim
			err = breakContainer(cmd.Context(), l, action, *t)
		}
		if err != nil {
			return err
		}
		return s.print(cmd.OutOrStdout(), map[string]string{"action": action, "on": victim}, func(w io.Writer) {
			fmt.Fprintf(w, "%s %s: done\n", action, victim)
		})
	}
	return cmd
}

func breakComponent(ctx context.Context, l *cluster.Lab, action, component string) error {
	switch action {
	case "kill":
		return l.Kill(ctx, component)
	case "stop":
		return l.Stop(component)
	case "cont":
		return l.Cont(component)
	case "restart":
		return l.Restart(ctx, component)
	}
	return fmt.Errorf("unknown fault %q: choose kill, stop, cont or restart", action)
}

func breakContainer(ctx context.Context, l *cluster.Lab, action string, t cluster.Target) error {
	signals := map[string]syscall.Signal{"kill": syscall.SIGKILL, "stop": syscall.SIGSTOP, "cont": syscall.SIGCONT}
	sig, ok := signals[action]
	if !ok {
		return fmt.Errorf("unknown fault %q for a container: choose kill, stop or cont", action)
	}
	return l.SignalContainer(ctx, t, sig)
}
