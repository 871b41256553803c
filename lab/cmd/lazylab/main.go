// Command lazylab runs real Istio meshes on one Linux machine and LazyXDS in them.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/lazyxds/lazyxds/lab/kubelet"
)

func main() {
	// A container's first process is this program too, and has no time for anything else.
	if len(os.Args) > 1 && os.Args[1] == "container-init" {
		kubelet.ContainerInit()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second interrupt ends the program at once.
	context.AfterFunc(ctx, stop)
	err := rootCommand().ExecuteContext(ctx)
	stop()
	if code, ok := errors.AsType[exitCode](err); ok {
		os.Exit(int(code))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "lazylab:", err)
		os.Exit(1)
	}
}

// exitCode ends the program with the code of a command it ran, which has said itself what was wrong.
type exitCode int

func (c exitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// exit turns a command's exit code into this program's.
func exit(code int) error {
	if code == 0 {
		return nil
	}
	return exitCode(code)
}
