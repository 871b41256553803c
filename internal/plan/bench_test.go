package plan_test

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/lazyxds/lazyxds/internal/convert"
	"github.com/lazyxds/lazyxds/internal/mesh"
	"github.com/lazyxds/lazyxds/internal/plan"
)

// BenchmarkMake plans a large mesh in which nothing changes: the usual case, and one that every event brings.
func BenchmarkMake(b *testing.B) {
	for _, size := range []struct{ services, workloads, jobs int }{{1000, 100, 0}, {5000, 500, 0}, {50000, 500, 0}, {1000, 100, 5000}} {
		b.Run(fmt.Sprintf("services=%d/workloads=%d/jobs=%d", size.services, size.workloads, size.jobs), func(b *testing.B) {
			s := largeMesh(size.services, size.workloads)
			size.workloads += addJobs(s, size.jobs)
			now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
			settle(b, s, now)
			for b.Loop() {
				if p := plan.Make(s, cfg, now); len(p.Changes) > 0 || len(p.Workloads) != size.workloads {
					b.Fatalf("%d changes, %d workloads", len(p.Changes), len(p.Workloads))
				}
			}
		})
	}
}

// largeMesh has a namespace for every ten workloads; each workload calls twenty services, some behind a VirtualService.
func largeMesh(services, workloads int) *mesh.Snapshot {
	s := &mesh.Snapshot{
		Egress:       mesh.Egress{Ready: 2},
		ServiceCIDRs: []netip.Prefix{netip.MustParsePrefix("10.96.0.0/12")},
	}
	namespace := func(i int) string { return fmt.Sprintf("ns-%d", i%(workloads/10)) }
	for i := range workloads / 10 {
		s.Namespaces = append(s.Namespaces, mesh.Namespace{Name: namespace(i), Lazy: "true", Inject: true})
	}
	host := func(i int) mesh.Host {
		return convert.ServiceHost(fmt.Sprintf("svc-%d", i), namespace(i), cfg.ClusterDomain)
	}
	for i := range services {
		addr := netip.AddrFrom4([4]byte{10, 100, byte(i >> 8), byte(i)})
		s.Services = append(s.Services, mesh.Service{
			Key:       mesh.Key{Namespace: namespace(i), Name: fmt.Sprintf("svc-%d", i)},
			Host:      host(i),
			Addresses: []netip.Prefix{netip.PrefixFrom(addr, 32)},
			Ports:     []mesh.Port{{Number: 8080, Protocol: mesh.HTTP}, {Number: uint16(9000 + i%1000), Protocol: mesh.TCP}},
		})
		if i%10 == 0 {
			s.VirtualServices = append(s.VirtualServices, mesh.VirtualService{
				Key: mesh.Key{Namespace: "routing", Name: fmt.Sprintf("vs-%d", i)}, Mesh: true,
				Hosts: []mesh.Host{host(i)}, Destinations: []mesh.Host{host(i), host((i + 1) % services)},
			})
		}
	}
	for i := range workloads {
		labels := map[string]string{"app": fmt.Sprintf("app-%d", i)}
		key := mesh.WorkloadKey{Namespace: namespace(i), Kind: "Deployment", Name: fmt.Sprintf("app-%d", i)}
		s.Workloads = append(s.Workloads, mesh.Workload{WorkloadKey: key, Selector: labels, Labels: labels})
		scope := mesh.Scope{Key: mesh.Key{Namespace: key.Namespace, Name: plan.ScopeName(key)}, Ours: true, Workload: key}
		for d := range 20 {
			scope.Dependencies = append(scope.Dependencies, mesh.Dependency{Host: host((i*37 + d*11) % services)})
		}
		s.Scopes = append(s.Scopes, scope)
	}
	return s
}

// addJobs adds running Jobs to the mesh, all in one namespace, and returns their number.
func addJobs(s *mesh.Snapshot, jobs int) int {
	for i := range jobs {
		key := mesh.WorkloadKey{Namespace: s.Namespaces[0].Name, Kind: "Job", Name: fmt.Sprintf("job-%d", i)}
		labels := map[string]string{"app": "job", "batch.kubernetes.io/controller-uid": key.Name}
		selector := map[string]string{"batch.kubernetes.io/controller-uid": key.Name}
		s.Workloads = append(s.Workloads, mesh.Workload{WorkloadKey: key, Selector: selector, Labels: labels})
		s.Scopes = append(s.Scopes, mesh.Scope{Key: mesh.Key{Namespace: key.Namespace, Name: plan.ScopeName(key)}, Ours: true, Workload: key})
	}
	return jobs
}

// settle carries out the first plan.
func settle(b *testing.B, s *mesh.Snapshot, now time.Time) {
	for _, change := range plan.Make(s, cfg, now).Changes {
		switch {
		case change.Sidecar != nil:
			s.Sidecars = append(s.Sidecars, mesh.Sidecar{
				Key: change.Key, Ours: true, Hosts: change.Sidecar.Spec.Egress[0].Hosts, Spec: marshal(b, &change.Sidecar.Spec),
				Selector: change.Sidecar.Spec.WorkloadSelector.Labels,
			})
		case change.EnvoyFilter != nil:
			s.DivertRules = append(s.DivertRules, mesh.DivertRule{
				Key: change.Key, Spec: marshal(b, &change.EnvoyFilter.Spec), Selector: change.EnvoyFilter.Spec.WorkloadSelector.Labels,
			})
		}
	}
}

func marshal(b *testing.B, v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		b.Fatal(err)
	}
	return out
}
