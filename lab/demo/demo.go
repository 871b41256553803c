// Package demo brings up a mesh, makes a namespace of it lazy under load, and tells what that changed.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// DefaultName is the name of the demo's lab unless told otherwise.
const DefaultName = "demo"

// Options says which demo to run.
type Options struct {
	// Name is the name of the demo's own lab, [DefaultName] if empty.
	Name string
	// IstioLine is the Istio release line, the lab's default if empty.
	IstioLine string
	// Services is the number of services beside bookinfo that nobody calls.
	Services int
	// Progress receives a line for each step.
	Progress io.Writer
}

// downTimeout bounds the removal of the lab, which goes on when the demo has been interrupted.
const downTimeout = 2 * time.Minute

// Run runs the demo in a lab of its own. It hands the figures to show while the lab is still up, and removes the lab when
// show returns, or when the demo fails or ctx is done before.
func Run(ctx context.Context, o Options, show func(context.Context, *cluster.Lab, Figures) error) (err error) {
	if o.Name == "" {
		o.Name = DefaultName
	}
	d := &demo{progress: o.Progress, begin: time.Now()}
	if err := d.start(ctx, o); err != nil {
		return err
	}
	defer func() {
		d.say("taking the lab down")
		down, cancel := context.WithTimeout(context.WithoutCancel(ctx), downTimeout)
		defer cancel()
		err = errors.Join(err, d.lab.Down(down))
	}()
	if err := d.populate(ctx, o.Services); err != nil {
		return err
	}
	figures, err := d.makeLazy(ctx, o.Services)
	if err != nil {
		return err
	}
	return show(ctx, d.lab, figures)
}

// demo is one run of it.
type demo struct {
	lab      *cluster.Lab
	progress io.Writer
	begin    time.Time
}

// say prints a line of progress.
func (d *demo) say(format string, args ...any) {
	fmt.Fprintf(d.progress, "[%5.1f s] %s\n", time.Since(d.begin).Seconds(), fmt.Sprintf(format, args...))
}

// start brings the lab up. A lab that is there already is left alone: it may be somebody's.
func (d *demo) start(ctx context.Context, o Options) error {
	if l, err := cluster.Find(o.Name); err == nil && l.Status(ctx).Ready {
		return fmt.Errorf("lab %s is up already: end the demo that runs in it, or remove it with: lazylab down --name %s", o.Name, o.Name)
	}
	d.say("starting a mesh")
	var err error
	d.lab, err = cluster.Up(ctx, cluster.Options{Name: o.Name, IstioLine: o.IstioLine, Progress: d.progress})
	return err
}

// makeLazy makes the namespace lazy while it is used, and measures before, meanwhile and after.
func (d *demo) makeLazy(ctx context.Context, services int) (Figures, error) {
	var f Figures
	full, err := d.measure(ctx, "client", func(s Sidecar) bool { return s.Services >= services+calledServices })
	if err != nil {
		return f, err
	}
	d.say("full scope: %d services, %d bytes of xDS", full.Services, full.Bytes.Total)

	d.say("starting load on productpage: %g requests/s on kept connections, %g on new ones", keptRate, freshRate)
	running, err := d.startLoad(ctx)
	if err != nil {
		return f, err
	}
	d.say("annotating namespace %s with lazy-xds=true", lazyNamespace)
	if _, err := d.lab.Kubectl(ctx, "", "annotate", "namespace", lazyNamespace, "lazy-xds=true"); err != nil {
		return f, err
	}
	if err := d.waitLazy(ctx); err != nil {
		return f, err
	}
	d.say("every workload of %s is lazy", lazyNamespace)

	samples, err := d.callForTheFirstTime(ctx)
	if err != nil {
		return f, err
	}
	reports, err := d.stopLoad(ctx, running)
	if err != nil {
		return f, err
	}
	d.say("load stopped")
	lazy, err := d.measure(ctx, "idle", func(s Sidecar) bool { return s.Services < full.Services })
	if err != nil {
		return f, err
	}
	return newFigures(full, lazy, samples, reports), nil
}
