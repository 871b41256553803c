package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lazyxds/lazyxds/lab/cluster"
	"github.com/lazyxds/lazyxds/lab/components"
	"github.com/lazyxds/lazyxds/lab/demo"
)

// badUsage is the exit code for a command line or an environment that makes no sense.
const badUsage exitCode = 2

func demoCommand(s *settings) *cobra.Command {
	var o demo.Options
	var services, file string
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Make a namespace lazy under load in a mesh of its own, and show what changed",
		Long: `Start a lab of its own with LazyXDS, Istio's bookinfo sample and many services beside it, make bookinfo's namespace lazy
while it is used, and show what changed: how much configuration a sidecar gets, whether a request failed, how long
first requests take and how soon traffic goes directly.

On a terminal the mesh then stays up to play with, until Ctrl-C. Otherwise the command ends by itself, with exit code 0
only if no request failed and the scope shrank as far as it should. Either way nothing of the lab stays.`,
		Example: `  lazylab demo
  lazylab demo --services 1000 --json figures.json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Services, err = demo.ParseServices(services); err != nil {
				fmt.Fprintln(cmd.ErrOrStderr(), "lazylab: --services or DEMO_SERVICES:", err)
				return badUsage
			}
			if cmd.Flags().Changed("name") {
				o.Name = s.name
			}
			o.Progress = cmd.ErrOrStderr()
			// A terminal that is closed ends the demo as Ctrl-C does.
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
			defer stop()
			return s.demo(ctx, cmd.OutOrStdout(), o, file)
		},
	}
	f := cmd.Flags()
	f.StringVar(&services, "services", environment("DEMO_SERVICES", "200"), "services beside bookinfo, also DEMO_SERVICES")
	f.StringVar(&file, "json", os.Getenv("DEMO_JSON"), "file to write the figures to, also DEMO_JSON")
	f.StringVar(&o.IstioLine, "istio", components.DefaultLine, "Istio release line: "+strings.Join(components.LineNames(), " or "))
	return cmd
}

func environment(name, otherwise string) string {
	if value := os.Getenv(name); value != "" {
		return value
	}
	return otherwise
}

// demo runs the demo, prints its figures, writes them to file unless that is empty, and stays up on a terminal.
func (s *settings) demo(ctx context.Context, out io.Writer, o demo.Options, file string) error {
	// A file that cannot be written should not be found out after minutes, nor old figures be taken for new ones.
	if file != "" {
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			return fmt.Errorf("write figures: %w", err)
		}
	}
	shown := false
	err := demo.Run(ctx, o, func(ctx context.Context, l *cluster.Lab, f demo.Figures) error {
		fmt.Fprintln(o.Progress)
		if err := s.print(out, f, f.WriteTable); err != nil {
			return err
		}
		if err := writeFigures(file, f); err != nil {
			return err
		}
		shown = true
		verdict := f.Verdict()
		if term.IsTerminal(int(os.Stdout.Fd())) {
			if verdict != nil {
				fmt.Fprintf(o.Progress, "\nNot as it should be:\n%v\n", verdict)
			}
			demo.WritePlay(out, l, os.Args[0])
			<-ctx.Done()
		}
		return verdict
	})
	if err != nil && !shown && ctx.Err() != nil {
		return fmt.Errorf("interrupted: %w", err)
	}
	return err
}

func writeFigures(file string, f demo.Figures) error {
	if file == "" {
		return nil
	}
	text, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("encode figures: %w", err)
	}
	if err := os.WriteFile(file, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("write figures: %w", err)
	}
	return nil
}
