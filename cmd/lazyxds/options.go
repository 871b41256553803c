package main

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"time"

	"github.com/go-logr/logr"
	"github.com/spf13/pflag"
	"k8s.io/klog/v2"
	ctrllog "sigs.k8s.io/controller-runtime/pkg/log"

	"github.com/lazyxds/lazyxds/internal/deps"
	"github.com/lazyxds/lazyxds/internal/identity"
	"github.com/lazyxds/lazyxds/internal/plan"
)

// The values of --headless.
const (
	headlessAlways = "Always"
	headlessLearn  = "Learn"
)

// options are the flags of the controller.
type options struct {
	alsAddress       string
	metricsAddress   string
	healthAddress    string
	namespace        string
	rootNamespace    string
	revision         string
	clusterDomain    string
	divertCIDRs      []string
	headless         string
	podCIDRs         []string
	settle           time.Duration
	drain            time.Duration
	goneTTL          time.Duration
	idleTTL          time.Duration
	sampling         int
	failurePolicy    string
	passthroughAfter time.Duration
	leaderElect      bool
	identity         identity.Config
	logging          logging
}

func (o *options) register(flags *pflag.FlagSet) {
	flags.StringVar(&o.alsAddress, "als-address", ":8080", "address to take in Envoy's gRPC access logs on")
	flags.StringVar(&o.metricsAddress, "metrics-address", ":9090", "address to serve /metrics on; 0 for nowhere")
	flags.StringVar(&o.healthAddress, "health-address", ":8081", "address to serve /healthz and /readyz on")
	registerNamespace(flags, &o.namespace)
	flags.StringVar(&o.rootNamespace, "root-namespace", "istio-system", "Istio's root namespace")
	flags.StringVar(&o.revision, "revision", "", "revision of the istiod whose mesh configuration holds; empty for the default one")
	flags.StringVar(&o.clusterDomain, "cluster-domain", "cluster.local", "suffix of the cluster's service names")
	flags.StringArrayVar(&o.divertCIDRs, "divert-cidr", nil, "addresses to send to the fallback egress beside the ranges the "+
		"cluster's ServiceCIDR objects name; needed below Kubernetes 1.33, which has none (repeatable)")
	flags.StringVar(&o.headless, "headless", headlessAlways, "how headless services get into scopes: Always, from the start, or "+
		"Learn, when they are called; Learn sends what is not in scope and goes to a --pod-cidr to the fallback egress too")
	flags.StringArrayVar(&o.podCIDRs, "pod-cidr", nil, "addresses of pods, for --headless=Learn; name all of them (repeatable)")
	registerSettle(flags, &o.settle)
	flags.DurationVar(&o.drain, "drain", 5*time.Minute, "time that connections on the fallback may go on when their workload is no longer enrolled")
	flags.DurationVar(&o.goneTTL, "gone-ttl", time.Hour, "time to remember what a vanished workload used, in case it comes back")
	flags.StringVar(&o.failurePolicy, "fallback-failure-policy", string(plan.Hold), "what becomes of lazy workloads when the fallback egress has "+
		"no ready endpoint for long: Hold leaves them lazy, Passthrough gives them the full scope until it is back")
	flags.DurationVar(&o.passthroughAfter, "passthrough-after", time.Minute,
		"time without a ready endpoint after which Passthrough takes effect, and with one before workloads become lazy again")
	flags.DurationVar(&o.idleTTL, "idle-ttl", 0,
		"time after which a learned service that is not used leaves the scope, unless a WorkloadScope says otherwise; 0 for never")
	flags.IntVar(&o.sampling, "sampling", 100, "percentage of HTTP requests that sidecars report, where they report")
	flags.BoolVar(&o.leaderElect, "leader-elect", true, "plan only while holding the Lease lazyxds; off only for a single replica")
	registerIdentity(flags, &o.identity)
	o.logging.register(flags)
}

func registerIdentity(flags *pflag.FlagSet, o *identity.Config) {
	flags.StringVar(&o.ID, "identity", "", "SPIFFE id of the controller")
	flags.StringArrayVar(&o.Peers, "als-peer", nil,
		"SPIFFE id of the fallback egress, whose access logs tell of all workloads; others of its trust domain tell of themselves (repeatable)")
	flags.StringVar(&o.Address, "ca-address", "istiod.istio-system.svc:15012", "address of the mesh's CA")
	flags.StringVar(&o.RootsFile, "ca-roots", "/var/run/secrets/istio/root-cert.pem", "file of the mesh's root certificates")
	flags.StringVar(&o.TokenFile, "ca-token", "/var/run/secrets/tokens/istio-token", "file of the service account's token for the CA")
	flags.StringVar(&o.ClusterID, "cluster-id", "Kubernetes", "name of this cluster in the mesh")
}

func registerNamespace(flags *pflag.FlagSet, namespace *string) {
	flags.StringVar(namespace, "namespace", os.Getenv("POD_NAMESPACE"),
		"namespace of the controller and the fallback egress (default: the environment's POD_NAMESPACE)")
}

func registerSettle(flags *pflag.FlagSet, settle *time.Duration) {
	flags.DurationVar(settle, "settle", 2*time.Second, "time a change is given to reach every proxy before the next step builds on it")
}

// ranges are the addresses that the flags say to divert.
type ranges struct {
	divert, pods []netip.Prefix
}

// ranges reads and checks the flags that the flag package takes as they come.
func (o *options) ranges() (ranges, error) {
	if err := o.check(); err != nil {
		return ranges{}, err
	}
	divert, err := parsePrefixes("--divert-cidr", o.divertCIDRs)
	if err != nil {
		return ranges{}, err
	}
	pods, err := parsePrefixes("--pod-cidr", o.podCIDRs)
	return ranges{divert, pods}, err
}

func (o *options) check() error {
	switch {
	case o.namespace == "":
		return errors.New("--namespace is not set, and neither is POD_NAMESPACE")
	case o.identity.ID == "" || len(o.identity.Peers) == 0:
		return errors.New("--identity and --als-peer have to be set: access logs are taken in by mutual TLS only")
	case min(o.settle, o.drain, o.goneTTL, o.passthroughAfter) < 0:
		return errors.New("--settle, --drain, --gone-ttl and --passthrough-after cannot be negative")
	case o.idleTTL != 0 && o.idleTTL < deps.MinIdleTTL:
		return fmt.Errorf("--idle-ttl is %s: it has to be at least %s, or 0 for never", o.idleTTL, deps.MinIdleTTL)
	case o.sampling < 1 || o.sampling > 100:
		return fmt.Errorf("--sampling is %d: it has to be a percentage from 1 to 100", o.sampling)
	case o.headless != headlessAlways && o.headless != headlessLearn:
		return fmt.Errorf("--headless: %q is neither %s nor %s", o.headless, headlessAlways, headlessLearn)
	case o.headless == headlessLearn && len(o.podCIDRs) == 0:
		return errors.New("--headless=Learn needs --pod-cidr: headless services are dialled by their pods' addresses, which have to be diverted")
	case o.headless == headlessAlways && len(o.podCIDRs) > 0:
		return errors.New("--pod-cidr is for --headless=Learn alone")
	}
	if policy := plan.FailurePolicy(o.failurePolicy); policy != plan.Hold && policy != plan.Passthrough {
		return fmt.Errorf("--fallback-failure-policy: %q is neither %s nor %s", policy, plan.Hold, plan.Passthrough)
	}
	return nil
}

func parsePrefixes(flag string, cidrs []string) ([]netip.Prefix, error) {
	var out []netip.Prefix
	for _, cidr := range cidrs {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", flag, err)
		}
		out = append(out, prefix.Masked())
	}
	return out, nil
}

// logging are the flags of the log.
type logging struct {
	level, format string
}

func (l *logging) register(flags *pflag.FlagSet) {
	flags.StringVar(&l.level, "log-level", "info", "least level to log: debug, info, warn or error")
	flags.StringVar(&l.format, "log-format", "text", "format of the log: text or json")
}

// logger makes the log, and sends there what libraries log.
func (l *logging) logger(out io.Writer) (*slog.Logger, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	options := &slog.HandlerOptions{Level: level}
	var handler slog.Handler
	switch l.format {
	case "text":
		handler = slog.NewTextHandler(out, options)
	case "json":
		handler = slog.NewJSONHandler(out, options)
	default:
		return nil, fmt.Errorf("--log-format: %q is neither text nor json", l.format)
	}
	libraries := logr.FromSlogHandler(handler)
	ctrllog.SetLogger(libraries)
	klog.SetLogger(libraries)
	return slog.New(handler), nil
}
