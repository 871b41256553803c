// Labapp is every application that runs in the lab: the test server, Istio's samples and the load client.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

// errRequestsFailed ends the program with a failure that its output has already told.
var errRequestsFailed = errors.New("requests failed")

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stdout, nil)))
	err := newRoot().ExecuteContext(ctx)
	stop()
	if err == nil {
		return
	}
	if !errors.Is(err, errRequestsFailed) {
		fmt.Fprintln(os.Stderr, "labapp:", err)
	}
	os.Exit(1)
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:           "labapp",
		Short:         "The applications of the LazyXDS lab",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newEcho(), newBookinfo(), newHelloworld(), newTCPEcho(), newAuthorizer(), newLoad(), newBackdoor())
	return root
}
