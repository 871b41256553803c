package main

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// load describes the requests a pod is made to send.
type load struct {
	from, url   string
	rps         float64
	duration    time.Duration
	requests    int
	concurrency int
	timeout     time.Duration
	headers     []string
	keepalive   bool
	http2, grpc bool
	tcp         bool
	serverFirst bool
	hold, every time.Duration
	first       bool
}

func loadCommand(s *settings) *cobra.Command {
	var o load
	cmd := &cobra.Command{
		Use:   "load --from POD|deploy/NAME --url URL",
		Short: "Send requests from a pod and show how they fared",
		Long: `Send requests at a steady rate from within a pod and show errors, latencies, and how many went through the fallback
and how many directly, which is known from the identity of the caller that the server saw. The exit code is 1 if any
request failed. With --tcp the URL is HOST:PORT. With --hold one connection is kept, an HTTP answer that the lab's echo
server streams, a gRPC stream, a WebSocket (ws://HOST:PORT/ws) or a TCP connection, and the report tells when it was cut.`,
		Example: `  lazylab load -n demo --from deploy/productpage-v1 --url http://reviews:9080/health --rps 50 --for 10s
  lazylab load -n demo --from deploy/productpage-v1 --url db:5432 --tcp --server-first --rps 5 --for 10s
  lazylab load -n demo --from deploy/client --url ws://echo:8080/ws --hold 2m`,
		Args: cobra.NoArgs,
	}
	t := target(cmd)
	f := cmd.Flags()
	f.StringVar(&o.from, "from", "", "pod or deploy/NAME that sends")
	f.StringVar(&o.url, "url", "", "what to call")
	f.Float64Var(&o.rps, "rps", 10, "requests per second")
	f.DurationVar(&o.duration, "for", 10*time.Second, "how long")
	f.IntVar(&o.requests, "requests", 0, "number of requests, instead of --for")
	f.IntVar(&o.concurrency, "concurrency", 0, "connections at a time, the client's default if 0")
	f.DurationVar(&o.timeout, "timeout", 5*time.Second, "limit of one request")
	f.StringArrayVar(&o.headers, "header", nil, "request header k:v; may be repeated")
	f.BoolVar(&o.keepalive, "keepalive", true, "use connections again")
	f.BoolVar(&o.http2, "http2", false, "HTTP/2 without TLS")
	f.BoolVar(&o.grpc, "grpc", false, "gRPC")
	f.BoolVar(&o.tcp, "tcp", false, "plain TCP, a connection for each request")
	f.BoolVar(&o.serverFirst, "server-first", false, "with --tcp: the server speaks first")
	f.BoolVar(&o.first, "first", false, "leave the first request out of the latencies")
	f.DurationVar(&o.hold, "hold", 0, "keep one connection for this long instead of sending requests")
	f.DurationVar(&o.every, "every", time.Second, "with --hold: time between two messages")
	_ = cmd.MarkFlagRequired("from")
	_ = cmd.MarkFlagRequired("url")
	cmd.MarkFlagsMutuallyExclusive("http2", "grpc", "tcp")
	cmd.MarkFlagsMutuallyExclusive("hold", "requests")
	cmd.MarkFlagsMutuallyExclusive("hold", "for")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if o.serverFirst && !o.tcp {
			return errors.New("--server-first needs --tcp")
		}
		l, err := s.lab()
		if err != nil {
			return err
		}
		t.Name = o.from
		streams := cluster.Streams{Stdout: cmd.OutOrStdout(), Stderr: cmd.ErrOrStderr()}
		code, err := l.Stream(cmd.Context(), *t, streams, o.command(s.output)...)
		if err != nil {
			return err
		}
		return exit(code)
	}
	return cmd
}

// command is the command line of the load client in the pod.
func (o load) command(output string) []string {
	args := []string{"labapp", "load", "--timeout", o.timeout.String(), fmt.Sprintf("--keepalive=%t", o.keepalive),
		"--rps", strconv.FormatFloat(o.rps, 'g', -1, 64)}
	if output == "text" {
		args = append(args, "--output", "table")
	}
	if o.tcp {
		args = append(args, "--tcp", o.url)
	} else {
		args = append(args, "--url", o.url)
	}
	switch {
	case o.hold > 0:
		args = append(args, "--hold", o.hold.String(), "--every", o.every.String())
	case o.requests > 0:
		args = append(args, "--requests", strconv.Itoa(o.requests))
	default:
		args = append(args, "--duration", o.duration.String())
	}
	if o.concurrency > 0 {
		args = append(args, "--concurrency", strconv.Itoa(o.concurrency))
	}
	for _, h := range o.headers {
		args = append(args, "--header", h)
	}
	for _, flag := range []struct {
		name string
		on   bool
	}{{"--http2", o.http2}, {"--grpc", o.grpc}, {"--server-first", o.serverFirst}, {"--first", o.first}} {
		if flag.on {
			args = append(args, flag.name)
		}
	}
	return args
}
