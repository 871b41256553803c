// Command lazyxds is the controller of LazyXDS, and what cleans up after it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/internal/version"
)

// The exit codes, beside 1 for any other error.
const (
	exitMissingAPI        = 3 // the cluster does not serve a resource that is needed
	exitMissingPermission = 4 // the controller may not do what it has to
)

// exitError is an error that wants an exit code of its own.
type exitError struct {
	code int
	error
}

func (e exitError) Unwrap() error { return e.error }

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	err := newCommand().ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	fmt.Fprintln(os.Stderr, "Error:", err)
	if exit, ok := errors.AsType[exitError](err); ok {
		os.Exit(exit.code)
	}
	os.Exit(1)
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "lazyxds",
		Short:         "Give each workload of an Istio mesh the configuration it uses, and no more",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newControllerCommand(), newCleanupCommand(), &cobra.Command{
		Use:   "version",
		Short: "Print what this program was built from",
		Args:  cobra.NoArgs,
		Run:   func(cmd *cobra.Command, _ []string) { cmd.Println(version.Get()) },
	})
	root.SetOut(os.Stdout)
	return root
}
