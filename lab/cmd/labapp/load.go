package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/app/load"
)

// loadFlags are the flags of the load command as given.
type loadFlags struct {
	cfg     load.Config
	headers []string
	grpc    bool
	tcp     string
	hold    time.Duration
	every   time.Duration
	output  string
}

func newLoad() *cobra.Command {
	var f loadFlags
	cmd := &cobra.Command{
		Use:   "load --url URL",
		Short: "Send requests and tell which path they took",
		Long: `Send paced requests and print one report: failures by reason, latencies, and how many requests went through the
fallback egress and how many directly, judged by the identity under which the server saw this client.

The URL's scheme says what is spoken: http, https, grpc (grpc.testing.TestService, as labapp echo serves it), tcp (one
connection and one echoed line per request), and with --hold also ws. The exit code is 1 when a request failed.`,
		Example: `  labapp load --url http://reviews:9080/reviews/0 --rps 50 --duration 30s
  labapp load --url grpc://echo.other:7070 --requests 100 -o table
  labapp load --tcp echo.other:9001 --server-first --requests 10
  labapp load --url ws://echo.other:8080/ws --hold 2m`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := f.complete(cmd.Flags().Changed("duration")); err != nil {
				return err
			}
			return f.run(cmd)
		},
	}
	f.register(cmd)
	return cmd
}

func (f *loadFlags) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.cfg.URL, "url", "", "what to call")
	flags.BoolVar(&f.grpc, "grpc", false, "speak gRPC to the URL's host and port")
	flags.StringVar(&f.tcp, "tcp", "", "speak TCP to this HOST:PORT; the same as --url tcp://HOST:PORT")
	flags.BoolVar(&f.cfg.ServerFirst, "server-first", false, "TCP: wait for the server's greeting")
	flags.BoolVar(&f.cfg.HTTP2, "http2", false, "speak HTTP/2, without TLS where the URL has none")
	flags.BoolVar(&f.cfg.KeepAlive, "keepalive", true, "share connections among requests")
	flags.Float64Var(&f.cfg.RPS, "rps", 10, "requests per second, 0 for as many as go")
	flags.DurationVar(&f.cfg.Duration, "duration", 10*time.Second, "how long to send, 0 until stopped")
	flags.IntVar(&f.cfg.Requests, "requests", 0, "how many requests to send, instead of --duration")
	flags.IntVar(&f.cfg.Concurrency, "concurrency", 16, "requests in flight at most")
	flags.DurationVar(&f.cfg.Timeout, "timeout", 5*time.Second, "of each request")
	flags.StringArrayVar(&f.headers, "header", nil, "header KEY:VALUE (gRPC: metadata); may be repeated")
	flags.BoolVar(&f.cfg.FirstApart, "first", false, "leave the first request out of the latencies")
	flags.DurationVar(&f.hold, "hold", 0, "keep one connection for this long instead, and report when it is cut")
	flags.DurationVar(&f.every, "every", time.Second, "with --hold: the time between exchanges")
	flags.StringVarP(&f.output, "output", "o", "json", "json or table")
}

// complete checks the flags and turns the short forms into the configuration.
func (f *loadFlags) complete(durationGiven bool) error {
	switch {
	case f.output != "json" && f.output != "table":
		return fmt.Errorf("output %q is neither json nor table", f.output)
	case f.tcp != "" && (f.cfg.URL != "" || f.grpc):
		return errors.New("--tcp takes the place of --url and --grpc")
	case f.cfg.URL == "" && f.tcp == "":
		return errors.New("--url is missing")
	case f.every <= 0:
		return errors.New("--every must be above zero")
	}
	if f.tcp != "" {
		f.cfg.URL = "tcp://" + f.tcp
	}
	if f.grpc {
		f.cfg.URL = grpcURL(f.cfg.URL)
	}
	if f.cfg.Requests > 0 && !durationGiven {
		f.cfg.Duration = 0
	}
	f.cfg.Headers = http.Header{}
	for _, header := range f.headers {
		key, value, ok := strings.Cut(header, ":")
		if !ok || key == "" {
			return fmt.Errorf("header %q is not KEY:VALUE", header)
		}
		f.cfg.Headers.Add(key, strings.TrimSpace(value))
	}
	return nil
}

// grpcURL takes host and port from a URL of any scheme, or from a bare HOST:PORT.
func grpcURL(target string) string {
	if parsed, err := url.Parse(target); err == nil && parsed.Host != "" {
		target = parsed.Host
	}
	return "grpc://" + target
}

func (f *loadFlags) run(cmd *cobra.Command) error {
	report, err := f.measure(cmd)
	if err != nil {
		return err
	}
	if err := f.print(cmd.OutOrStdout(), report); err != nil {
		return fmt.Errorf("print report: %w", err)
	}
	if report.Failed > 0 {
		return errRequestsFailed
	}
	return nil
}

func (f *loadFlags) measure(cmd *cobra.Command) (*load.Report, error) {
	if f.hold > 0 {
		f.cfg.Duration = f.hold
		return load.Hold(cmd.Context(), f.cfg, f.every)
	}
	return load.Run(cmd.Context(), f.cfg)
}

func (f *loadFlags) print(out io.Writer, report *load.Report) error {
	if f.output == "table" {
		return report.WriteTable(out)
	}
	encoder := json.NewEncoder(out)
	encoder.SetIndent("", "  ")
	return encoder.Encode(report)
}
