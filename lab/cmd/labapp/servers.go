package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/app"
	"github.com/lazyxds/lazyxds/lab/app/authorizer"
	"github.com/lazyxds/lazyxds/lab/app/bookinfo"
	"github.com/lazyxds/lazyxds/lab/app/echo"
	"github.com/lazyxds/lazyxds/lab/app/sample"
)

func newEcho() *cobra.Command {
	var cfg echo.Config
	cmd := &cobra.Command{
		Use:   "echo",
		Short: "Serve the test server: HTTP, gRPC, TCP, TLS and UDP",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			services, err := echo.Listen(cfg)
			if err != nil {
				return err
			}
			return app.Run(cmd.Context(), cfg.Identity, services...)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&cfg.Name, "name", "echo", "name given in answers")
	flags.StringVar(&cfg.Version, "version", "v1", "version given in answers")
	flags.IntSliceVar(&cfg.HTTP, "http", nil, "ports for HTTP/1.1, HTTP/2 without TLS and WebSocket (/ws)")
	flags.IntSliceVar(&cfg.GRPC, "grpc", nil, "ports for gRPC")
	flags.IntSliceVar(&cfg.TCP, "tcp", nil, "ports that echo lines")
	flags.IntSliceVar(&cfg.TCPServerFirst, "tcp-server-first", nil, "ports that greet, then echo lines")
	flags.IntSliceVar(&cfg.TLS, "tls", nil, "ports for TLS with a self-signed certificate: HTTPS or lines")
	flags.IntSliceVar(&cfg.UDP, "udp", nil, "ports that echo datagrams")
	return cmd
}

func newBookinfo() *cobra.Command {
	var version string
	var port int
	cmd := &cobra.Command{
		Use:       "bookinfo " + strings.Join(bookinfo.Services, "|"),
		Short:     "Serve one of the services of Istio's Bookinfo sample",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: bookinfo.Services,
		RunE: func(cmd *cobra.Command, args []string) error {
			handler, err := bookinfo.Handler(args[0], version, bookinfo.BackendsFromEnv(os.Getenv))
			if err != nil {
				return err
			}
			service, err := app.HTTP(":"+strconv.Itoa(port), handler)
			if err != nil {
				return err
			}
			return app.Run(cmd.Context(), app.Identity{Name: args[0], Version: version}, service)
		},
	}
	cmd.Flags().StringVar(&version, "version", "v1", "version: reviews shows no stars in v1, black ones in v2, red ones in v3")
	cmd.Flags().IntVar(&port, "port", bookinfo.Port, "port to listen on")
	return cmd
}

func newHelloworld() *cobra.Command {
	var version string
	var port int
	cmd := &cobra.Command{
		Use:   "helloworld",
		Short: "Serve Istio's helloworld sample",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			service, err := app.HTTP(":"+strconv.Itoa(port), sample.Helloworld(version, app.Hostname()))
			if err != nil {
				return err
			}
			return app.Run(cmd.Context(), app.Identity{Name: "helloworld", Version: version}, service)
		},
	}
	cmd.Flags().StringVar(&version, "version", "v1", "version given in answers")
	cmd.Flags().IntVar(&port, "port", 5000, "port to listen on")
	return cmd
}

func newTCPEcho() *cobra.Command {
	return &cobra.Command{
		Use:   "tcp-echo [PORT[,PORT...] PREFIX]",
		Short: "Serve Istio's tcp-echo sample",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 0 && len(args) != 2 {
				return fmt.Errorf("want ports and a prefix, or neither, not %q", args)
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			ports, prefix := "9000", "hello"
			if len(args) == 2 {
				ports, prefix = args[0], args[1]
			}
			var services []app.Service
			for port := range strings.SplitSeq(ports, ",") {
				service, err := app.TCP(":"+port, sample.TCPEcho(prefix))
				if err != nil {
					return err
				}
				services = append(services, service)
			}
			return app.Run(cmd.Context(), app.Identity{Name: "tcp-echo"}, services...)
		},
	}
}

func newAuthorizer() *cobra.Command {
	var port int
	cmd := &cobra.Command{
		Use:   "authorizer",
		Short: "Serve an external authorizer: each service account may have the path of its name",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			service, err := app.GRPC(":"+strconv.Itoa(port), authorizer.NewServer())
			if err != nil {
				return err
			}
			return app.Run(cmd.Context(), app.Identity{Name: "authorizer"}, service)
		},
	}
	cmd.Flags().IntVar(&port, "port", 9191, "port to listen on")
	return cmd
}
