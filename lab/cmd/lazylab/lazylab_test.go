package main

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

func TestLoadCommandLine(t *testing.T) {
	base := load{url: "http://a:80/", rps: 2.5, duration: time.Second, timeout: time.Second, keepalive: true}
	for _, tt := range []struct {
		name   string
		change func(*load)
		output string
		want   string
	}{
		{"defaults", func(*load) {}, "json", "--timeout 1s --keepalive=true --rps 2.5 --url http://a:80/ --duration 1s"},
		{"table", func(*load) {}, "text", "--timeout 1s --keepalive=true --rps 2.5 --output table --url http://a:80/ --duration 1s"},
		{"count", func(o *load) { o.requests = 3; o.concurrency = 2 }, "json",
			"--timeout 1s --keepalive=true --rps 2.5 --url http://a:80/ --requests 3 --concurrency 2"},
		{"tcp", func(o *load) { o.tcp, o.serverFirst, o.url = true, true, "db:5432" }, "json",
			"--timeout 1s --keepalive=true --rps 2.5 --tcp db:5432 --duration 1s --server-first"},
		{"headers", func(o *load) { o.headers = []string{"a:b", "c:d"}; o.http2 = true }, "json",
			"--timeout 1s --keepalive=true --rps 2.5 --url http://a:80/ --duration 1s --header a:b --header c:d --http2"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := base
			tt.change(&o)
			if got := strings.Join(o.command(tt.output), " "); got != "labapp load "+tt.want {
				t.Errorf("command line\n  %s, want\n  labapp load %s", got, tt.want)
			}
		})
	}
}

func TestAfterDash(t *testing.T) {
	for line, want := range map[string][]string{
		"pod -- ls -l": {"ls", "-l"},
		"pod ls":       {"ls"},
		"pod":          nil,
		"pod --":       nil,
		"-- ls":        nil,
		"a b -- ls":    nil,
	} {
		var got []string
		cmd := &cobra.Command{Use: "x POD -- COMMAND...", SilenceErrors: true, SilenceUsage: true}
		cmd.RunE = func(cmd *cobra.Command, args []string) (err error) {
			_, got, err = afterDash(cmd, args, 1)
			return err
		}
		cmd.SetArgs(strings.Fields(line))
		if err := cmd.Execute(); (err == nil) != (want != nil) || !slices.Equal(got, want) {
			t.Errorf("%q: %q, %v, want %q", line, got, err, want)
		}
	}
}

// Everything users see is explained.
func TestCommandsAreDocumented(t *testing.T) {
	for _, cmd := range rootCommand().Commands() {
		if cmd.Short == "" {
			t.Errorf("%s has no description", cmd.Name())
		}
	}
}

func TestUnknownOutputIsRefused(t *testing.T) {
	root := rootCommand()
	root.SetArgs([]string{"list", "-o", "xml"})
	if err := root.Execute(); err == nil || !strings.Contains(err.Error(), "text or json") {
		t.Errorf("error %v, want one that names the choices", err)
	}
}
