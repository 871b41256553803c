package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/spf13/cobra"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/manager"
	"sigs.k8s.io/controller-runtime/pkg/metrics"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"

	"github.com/lazyxds/lazyxds/internal/accesslog"
	"github.com/lazyxds/lazyxds/internal/apply"
	"github.com/lazyxds/lazyxds/internal/controller"
	"github.com/lazyxds/lazyxds/internal/identity"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
	"github.com/lazyxds/lazyxds/internal/version"
	"github.com/lazyxds/lazyxds/internal/watch"
)

const (
	// stopTime bounds the end of the controller, within a pod's usual grace period.
	stopTime = 5 * time.Second
	// leaseName is the Lease that makes a replica the leader.
	leaseName = "lazyxds"
	// leaseTime is how long the Lease of a leader that died holds others off, who look at it every leaseRetry or, at random,
	// up to 2.2 times that: one of them leads within 20 s. A leader that cannot renew the Lease for renewTime gives up.
	leaseTime  = 12 * time.Second
	renewTime  = 8 * time.Second
	leaseRetry = 1500 * time.Millisecond
)

func newControllerCommand() *cobra.Command {
	opts := &options{}
	cmd := &cobra.Command{
		Use:   "controller",
		Short: "Learn what workloads use and keep their scopes accordingly",
		Long: `Learn what workloads use, from the access logs of the fallback egress, and keep their scopes accordingly.

Exit codes: 3 where the cluster lacks a resource, 4 where a permission is missing, 1 for any other error.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := opts.logging.logger(cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			return runController(cmd.Context(), opts, log)
		},
	}
	opts.register(cmd.Flags())
	return cmd
}

// runController wires the stages together: access logs are learned from on every replica, planning is the leader's.
func runController(ctx context.Context, opts *options, log *slog.Logger) error {
	ranges, err := opts.ranges()
	if err != nil {
		return err
	}
	config, err := restConfig()
	if err != nil {
		return err
	}
	log.Info("starting", "version", version.Get().String(), "apiserver", config.Host)
	if err := preflight(ctx, config, opts, log); err != nil {
		return err
	}
	watchConfig := watch.Config{
		RootNamespace: opts.rootNamespace, EgressNamespace: opts.namespace, Revision: opts.revision, ClusterDomain: opts.clusterDomain,
	}
	mgr, err := newManager(config, opts, watchConfig)
	if err != nil {
		return err
	}
	pokes := make(chan struct{}, 1)
	w, err := watch.New(ctx, mgr.GetCache(), mgr.GetRESTMapper(), watchConfig, func() {
		select {
		case pokes <- struct{}{}:
		default: // one that nobody has taken yet stands for all
		}
	})
	if err != nil {
		return err
	}
	direct, err := client.New(config, client.Options{Scheme: mgr.GetScheme(), Mapper: mgr.GetRESTMapper()})
	if err != nil {
		return fmt.Errorf("make a client: %w", err)
	}
	applier := apply.New(direct)
	counts := controller.NewMetrics(metrics.Registry)
	planner := controller.New(w, applier, plan.Config{
		RootNamespace: opts.rootNamespace, EgressNamespace: opts.namespace, ClusterDomain: opts.clusterDomain,
		DivertedCIDRs: ranges.divert, PodCIDRs: ranges.pods, Settle: opts.settle, Drain: opts.drain, Warm: plan.WarmTime, GoneTTL: opts.goneTTL,
		FailurePolicy: plan.FailurePolicy(opts.failurePolicy), PassthroughAfter: opts.passthroughAfter,
		IdleTTL: opts.idleTTL, Sampling: opts.sampling,
	}, controller.NewEvents(mgr.GetEventRecorder("lazyxds"), w.Reference), counts, log, pokes)
	self := identity.New(opts.identity, log)
	intake := controller.NewIntake(opts.alsAddress,
		accesslog.NewServer(accesslog.Config{
			TLS: self.ServerTLS(), Egress: mesh.Key{Namespace: opts.namespace, Name: plan.EgressName}, EgressIDs: opts.identity.Peers,
		}, accesslog.NewMetrics(metrics.Registry), log),
		controller.NewLearning(w, applier, opts.clusterDomain, counts, log))

	for _, runnable := range []manager.Runnable{self, planner, intake} {
		if err := mgr.Add(runnable); err != nil {
			return fmt.Errorf("add to the manager: %w", err)
		}
	}
	if err := addChecks(mgr, w, intake, self); err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		if kind := w.Late(ctx); kind != "" {
			log.Info("stopping: the cluster has come to serve a kind that can be followed from a start on only", "kind", kind)
			stop()
		}
	}()
	if err := mgr.Start(ctx); err != nil {
		return fmt.Errorf("run: %w", err)
	}
	log.Info("stopped")
	return nil
}

// restConfig finds the API server: KUBECONFIG, the pod's own, or the user's kubeconfig.
func restConfig() (*rest.Config, error) {
	config, err := ctrl.GetConfig()
	if err != nil {
		return nil, fmt.Errorf("find the API server: %w", err)
	}
	// The server's own priority and fairness guards it; writes are paced by what applies them.
	config.QPS = -1
	// It warns of every EnvoyFilter, on every write.
	config.WarningHandler = rest.NoWarnings{}
	config.UserAgent = "lazyxds/" + version.Get().Version
	return config, nil
}

func newManager(config *rest.Config, opts *options, watchConfig watch.Config) (manager.Manager, error) {
	grace, lease, renew, retry := stopTime, leaseTime, renewTime, leaseRetry
	options := ctrl.Options{
		Scheme:                        watch.Scheme(),
		Cache:                         watch.CacheOptions(watchConfig),
		Metrics:                       metricsserver.Options{BindAddress: opts.metricsAddress},
		HealthProbeBindAddress:        opts.healthAddress,
		GracefulShutdownTimeout:       &grace,
		LeaderElection:                opts.leaderElect,
		LeaderElectionReleaseOnCancel: true,
		LeaseDuration:                 &lease,
		RenewDeadline:                 &renew,
		RetryPeriod:                   &retry,
	}
	if opts.leaderElect {
		lock, err := newLease(config, opts.namespace)
		if err != nil {
			return nil, err
		}
		options.LeaderElectionResourceLockInterface = lock
	}
	mgr, err := ctrl.NewManager(config, options)
	if err != nil {
		return nil, fmt.Errorf("make the manager: %w", err)
	}
	return mgr, nil
}

// newLease makes the lock of the leader. Its holder is named after the pod, not after the process: a container that was
// killed and started anew leads again at once, instead of waiting for its own Lease to expire.
func newLease(config *rest.Config, namespace string) (resourcelock.Interface, error) {
	holder, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("find a name for the Lease: %w", err)
	}
	holder = cmp.Or(os.Getenv("POD_NAME"), holder)
	lock, err := resourcelock.NewFromKubeconfig(resourcelock.LeasesResourceLock, namespace, leaseName,
		resourcelock.ResourceLockConfig{Identity: holder}, config, renewTime)
	if err != nil {
		return nil, fmt.Errorf("make the Lease %s: %w", leaseName, err)
	}
	return lock, nil
}

// addChecks makes /healthz tell that the process lives, and /readyz that it can do its work.
func addChecks(mgr manager.Manager, w *watch.Watch, intake *controller.Intake, self *identity.Identity) error {
	checks := map[string]healthz.Checker{
		"caches": func(*http.Request) error {
			if !w.Synced() {
				return errors.New("what exists, and what was learned, is still being loaded")
			}
			return nil
		},
		"access-logs": func(*http.Request) error {
			if !intake.Listening() {
				return errors.New("access logs are not taken in")
			}
			return nil
		},
		"certificate": func(*http.Request) error { return self.Ready() },
	}
	for name, check := range checks {
		if err := mgr.AddReadyzCheck(name, check); err != nil {
			return fmt.Errorf("add ready check %s: %w", name, err)
		}
	}
	if err := mgr.AddHealthzCheck("ping", healthz.Ping); err != nil {
		return fmt.Errorf("add health check: %w", err)
	}
	return nil
}
