package e2e

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

var (
	labName = flag.String("lab", "", "run the stories on this running lab and leave it running; empty: on a lab of their own")
	istio   = flag.String("istio", "", "Istio line of the lab, such as 1.31; empty: the default one")
)

// mesh is the lab that all stories share.
var mesh *cluster.Lab

const strict = `
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: istio-system}
spec: {mtls: {mode: STRICT}}
`

func TestMain(m *testing.M) {
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code, err := run(ctx, m)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(code)
}

// run brings the mesh up with STRICT mTLS everywhere and LazyXDS installed, and runs the stories on it.
func run(ctx context.Context, m *testing.M) (int, error) {
	name := *labName
	if name == "" {
		name = "e2e"
	}
	start := time.Now()
	var err error
	if mesh, err = cluster.Up(ctx, cluster.Options{Name: name, IstioLine: *istio, Progress: os.Stderr}); err != nil {
		return 0, err
	}
	if *labName == "" {
		defer func() {
			if _, err := cluster.Down(context.WithoutCancel(ctx), name); err != nil {
				fmt.Fprintln(os.Stderr, "e2e:", err)
			}
		}()
	}
	if err := mesh.Apply(ctx, strict); err != nil {
		return 0, err
	}
	if err := mesh.Install(ctx, os.Stderr); err != nil {
		return 0, err
	}
	fmt.Fprintf(os.Stderr, "mesh ready after %s\n", time.Since(start).Round(100*time.Millisecond))
	return m.Run(), nil
}

// newLab brings up a lab for one story, with STRICT mTLS everywhere, and takes it down with the test.
func newLab(t *testing.T, o cluster.Options) *cluster.Lab {
	t.Helper()
	o.IstioLine, o.Progress = *istio, os.Stderr
	lab, err := cluster.Up(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := cluster.Down(context.Background(), o.Name); err != nil {
			t.Error(err)
		}
	})
	if err := lab.Apply(t.Context(), strict); err != nil {
		t.Fatal(err)
	}
	return lab
}
