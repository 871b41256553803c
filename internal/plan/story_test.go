package plan_test

import (
	"flag"
	"math/rand/v2"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
)

var update = flag.Bool("update", false, "write the plans that the stories came to into testdata")

var cfg = plan.Config{
	RootNamespace:   "istio-system",
	EgressNamespace: "istio-system",
	ClusterDomain:   "cluster.local",
	Settle:          2 * time.Second,
	Drain:           5 * time.Minute,
	Warm:            time.Second,
	GoneTTL:         time.Hour,
	Sampling:        100,
}

// TestStories tells each testdata/*.txtar from top to bottom. Its sections are steps:
//
//	cluster.yaml   objects appear, or change
//	delete         objects vanish: "Deployment demo/web"
//	pods           workloads have pods: "demo/Deployment/web 2 1" means two running, one with a sidecar
//	log            calls were seen by the egress: "demo/Deployment/web -> reviews.demo.svc.cluster.local"
//	report         calls were seen by the workloads' own sidecars
//	egress         its state: "ready 2", "address 10.0.0.9", "missing EnvoyFilter istio-system/lazyxds-egress-als"
//	istio          its version
//	passthrough    the failure policy is Passthrough, after that time
//	pod-cidrs      the controller is started anew with these ranges of pods' addresses
//	wait 3s        time passes
//	plan           what the planner makes of it, which is then carried out
//
// Each plan is made again from the same facts in another order, and has to be the same.
func TestStories(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	base, err := os.ReadFile("testdata/base.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			archive, err := txtar.ParseFile(path)
			if err != nil {
				t.Fatal(err)
			}
			c := newCluster(t)
			c.load(string(base))
			for i := range archive.Files {
				tell(t, c, &archive.Files[i])
			}
			if !*update {
				return
			}
			if err := os.WriteFile(path, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func tell(t *testing.T, c *cluster, step *txtar.File) {
	verb, argument, _ := strings.Cut(step.Name, " ")
	switch verb {
	case "cluster.yaml":
		c.load(string(step.Data))
	case "delete":
		c.remove(lines(step.Data))
	case "pods":
		c.setPods(lines(step.Data))
	case "log":
		c.observe(lines(step.Data), time.Time{})
	case "report":
		c.observe(lines(step.Data), c.now)
	case "egress":
		c.setEgress(lines(step.Data))
	case "istio":
		c.istio = strings.TrimSpace(string(step.Data))
	case "passthrough":
		c.cfg.FailurePolicy, c.cfg.PassthroughAfter = plan.Passthrough, duration(t, argument)
	case "pod-cidrs":
		c.cfg.PodCIDRs = nil
		for _, line := range lines(step.Data) {
			c.cfg.PodCIDRs = append(c.cfg.PodCIDRs, netip.MustParsePrefix(line))
		}
	case "wait":
		c.now = c.now.Add(duration(t, argument))
	case "plan":
		p := plan.Make(c.snapshot(), c.cfg, c.now)
		got := render(p, c.now)
		checkShuffled(t, c, got)
		if *update {
			step.Data = []byte(got)
		} else if diff := cmp.Diff(string(step.Data), got); diff != "" {
			t.Errorf("plan (-want +got):\n%s", diff)
		}
		c.execute(p)
	default:
		t.Fatalf("no step is called %q", step.Name)
	}
}

// checkShuffled plans the same facts in other orders.
func checkShuffled(t *testing.T, c *cluster, want string) {
	t.Helper()
	for seed := range uint64(5) {
		s := c.snapshot()
		r := rand.New(rand.NewPCG(seed, seed))
		shuffle(r, s.Namespaces)
		shuffle(r, s.Services)
		shuffle(r, s.VirtualServices)
		shuffle(r, s.DestinationRules)
		shuffle(r, s.Sidecars)
		shuffle(r, s.Workloads)
		shuffle(r, s.DivertRules)
		shuffle(r, s.Scopes)
		shuffle(r, s.ServiceCIDRs)
		shuffle(r, s.References)
		shuffle(r, s.Policies)
		shuffle(r, s.Egress.Addresses)
		for i := range s.Scopes {
			shuffle(r, s.Scopes[i].Dependencies)
		}
		if diff := cmp.Diff(want, render(plan.Make(s, c.cfg, c.now), c.now)); diff != "" {
			t.Fatalf("the order of the facts matters (-sorted +shuffled):\n%s", diff)
		}
	}
}

func shuffle[T any](r *rand.Rand, s []T) {
	r.Shuffle(len(s), func(i, j int) { s[i], s[j] = s[j], s[i] })
}

func duration(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func lines(data []byte) []string {
	return strings.FieldsFunc(strings.TrimSpace(string(data)), func(r rune) bool { return r == '\n' })
}

// workloadKey reads "demo/Deployment/web".
func workloadKey(t *testing.T, s string) mesh.WorkloadKey {
	t.Helper()
	parts := strings.Split(s, "/")
	if len(parts) != 3 {
		t.Fatalf("%q is not namespace/kind/name", s)
	}
	return mesh.WorkloadKey{Namespace: parts[0], Kind: parts[1], Name: parts[2]}
}
