package cluster

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lazyxds/lazyxds/lab/components"
)

// Options says which lab to start.
type Options struct {
	// Name is the lab's name, [DefaultName] if empty.
	Name string
	// IstioLine is the Istio release line, [components.DefaultLine] if empty.
	IstioLine string
	// Family is the IP family of the cluster, [IPv4] if empty.
	Family Family
	// IstioArgs are further arguments for the installation of istiod's chart, such as --set k=v.
	IstioArgs []string
	// Repo is the source tree; searched if empty, see [components.OpenCheckout].
	Repo string
	// Keep leaves a lab that does not become ready as it is, to be looked at.
	Keep bool
	// Progress receives a line for each step.
	Progress io.Writer
}

// startTimeout bounds the start of a lab once its components are there; a busy machine takes a part of it.
const startTimeout = 3 * time.Minute

// Up starts a lab and returns when its mesh is ready: Kubernetes, DNS and Istio work, and pods get sidecars. A lab of
// that name that already runs is returned as it is, what is left of one that died is removed first. If the lab
// does not get ready, or ctx is done, nothing of it stays.
func Up(ctx context.Context, o Options) (*Lab, error) {
	if o.Name == "" {
		o.Name = DefaultName
	}
	if o.Family == "" {
		o.Family = IPv4
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	addresses, err := o.Family.plan()
	if err := errors.Join(err, checkName(o.Name), CheckHost()); err != nil {
		return nil, err
	}
	checkout, err := components.OpenCheckout(o.Repo)
	if err != nil {
		return nil, err
	}
	paths, err := components.Ensure(ctx, checkout.Root(), o.IstioLine, o.Progress)
	if err != nil {
		return nil, err
	}
	lazylab, err := lazylabPath(ctx, checkout, o.Progress)
	if err != nil {
		return nil, err
	}
	unlock, err := lockName(o.Name)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if l, err := existing(ctx, o.Name, paths.Line.Name, o.Family); l != nil || err != nil {
		return l, err
	}
	s := starter{
		lab: &Lab{name: o.Name, state: state{
			Name: o.Name, Istio: paths.Line.Name, Family: o.Family, Repo: checkout.Root(), Created: time.Now(), Kubectl: paths.Kubectl, Helm: paths.Helm,
			Samples: filepath.Join(paths.Istio, "samples"),
		}},
		paths: paths, addresses: addresses, lazylab: lazylab, istioArgs: o.IstioArgs, progress: o.Progress, begin: time.Now(),
	}
	if err := s.run(ctx); err != nil {
		if !o.Keep {
			err = errors.Join(err, sweep(context.WithoutCancel(ctx), o.Name))
		}
		return nil, fmt.Errorf("start lab %s: %w", o.Name, err)
	}
	return s.lab, nil
}

// existing returns the lab of that name if it is ready, and removes what else there is.
func existing(ctx context.Context, name, line string, family Family) (*Lab, error) {
	l, err := Find(name)
	if err == nil && l.Status(ctx).Ready {
		if l.state.Istio != line {
			return nil, fmt.Errorf("lab %s runs Istio %s already: stop it first with lazylab down --name %s", name, l.state.Istio, name)
		}
		if l.state.Family != family {
			return nil, fmt.Errorf("lab %s is an %s cluster already: stop it first with lazylab down --name %s", name, l.state.Family, name)
		}
		return l, nil
	}
	return nil, sweep(ctx, name)
}

// lazylabPath is the program the lab's own daemons run: this one, or for a test the one of the source tree.
func lazylabPath(ctx context.Context, checkout components.Checkout, progress io.Writer) (string, error) {
	exe, err := os.Executable()
	if err != nil {
		return "", fmt.Errorf("find lazylab: %w", err)
	}
	if filepath.Base(exe) == "lazylab" {
		return exe, nil
	}
	return checkout.Lazylab(ctx, components.NewSteps(progress))
}

// starter starts one lab.
type starter struct {
	lab       *Lab
	paths     components.Paths
	addresses plan
	lazylab   string
	istioArgs []string
	progress  io.Writer
	begin     time.Time
}

// run starts the lab, and gives up as soon as one of its daemons dies.
func (s starter) run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		if err := s.lab.watchDaemons(ctx); err != nil {
			cancel(err)
		}
	}()
	err := s.startAll(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// startAll starts everything in the order in which it can work: the network, the API server on etcd, then what only needs
// the API server, all at once.
func (s starter) startAll(ctx context.Context) error {
	keys, err := s.prepare()
	if err != nil {
		return err
	}
	if err := s.startAPI(keys); err != nil {
		return err
	}
	if err := s.lab.waitAPI(ctx); err != nil {
		return err
	}
	s.reached("API server ready")
	if err := s.startNode(keys); err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		if err := s.lab.Apply(gctx, strings.ReplaceAll(corednsManifest, "{{ dnsIP }}", s.addresses.dnsIP)); err != nil {
			return err
		}
		return s.await(gctx, "kube-system", "coredns")
	})
	g.Go(func() error {
		if err := s.lab.installGatewayAPI(gctx, s.paths); err != nil {
			return err
		}
		s.reached("CRDs of the Gateway API served")
		return nil
	})
	g.Go(func() error {
		if err := s.lab.installIstio(gctx, s.paths, s.istioArgs); err != nil {
			return err
		}
		s.reached("charts of Istio " + s.paths.Line.IstioVersion + " installed")
		// With a revision the Deployment is called after it.
		if err := s.lab.WaitPods(gctx, SystemNamespace, "app=istiod", 1, startTimeout); err != nil {
			return err
		}
		s.reached("istiod ready")
		return s.lab.Wait(gctx, "the sidecar injector", startTimeout, func(ctx context.Context) (bool, string) {
			ok, err := s.lab.injected(ctx)
			return ok, fmt.Sprintf("pods get a sidecar: %t, error: %v", ok, err)
		})
	})
	if err := g.Wait(); err != nil {
		return err
	}
	s.reached("mesh ready")
	if hint := sidecarHint(); hint != "" {
		fmt.Fprintf(s.progress, "  %s\n", hint)
	}
	return s.lab.update(func(st *state) { st.Ready = true })
}

// prepare makes the lab's folder, keys, kubeconfigs, forwarder and network.
func (s starter) prepare() (pki, error) {
	dir := s.lab.dir()
	keys := pki{dir: filepath.Join(dir, "pki")}
	if err := os.MkdirAll(filepath.Join(dir, "logs"), 0o755); err != nil {
		return keys, fmt.Errorf("make the lab's folder: %w", err)
	}
	if err := s.lab.state.write(); err != nil {
		return keys, err
	}
	token, err := keys.create(s.addresses)
	if err != nil {
		return keys, err
	}
	if err := makeNode(s.lab.name, s.addresses); err != nil {
		return keys, err
	}
	socket, address, err := listen()
	if err != nil {
		return keys, err
	}
	defer socket.Close()
	if err := s.lab.start(daemon{forwarder, []string{s.lazylab, "forward", "--to", s.addresses.apiAddress()}}, socket); err != nil {
		return keys, err
	}
	if err := writeKubeconfig(s.lab.Kubeconfig(), address, token, keys); err != nil {
		return keys, err
	}
	if err := writeKubeconfig(s.lab.nodeKubeconfig(), "127.0.0.1:"+apiPort, token, keys); err != nil {
		return keys, err
	}
	return keys, s.lab.connect()
}

func (s starter) startAPI(keys pki) error {
	if err := s.lab.start(etcdDaemon(s.paths, s.lab.dir())); err != nil {
		return err
	}
	return s.lab.start(apiserverDaemon(s.paths, keys, s.addresses))
}

// startNode starts what makes pods of objects.
func (s starter) startNode(keys pki) error {
	config, err := s.writeKubeletConfig()
	if err != nil {
		return err
	}
	for _, d := range []daemon{
		{kubeletDaemon, []string{s.lazylab, "kubelet", "--config", config}},
		controllerManagerDaemon(s.paths, keys, s.lab.nodeKubeconfig()),
		kubeProxyDaemon(s.paths, s.lab.nodeKubeconfig(), s.addresses),
	} {
		if err := s.lab.start(d); err != nil {
			return err
		}
	}
	return nil
}

func (s starter) await(ctx context.Context, namespace, deployment string) error {
	if err := s.lab.WaitDeployment(ctx, namespace, deployment, startTimeout); err != nil {
		return err
	}
	s.reached(deployment + " ready")
	return nil
}

func (s starter) reached(what string) {
	fmt.Fprintf(s.progress, "  %-44s %4.1f s\n", what, time.Since(s.begin).Seconds())
}
