package deps

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// call is an observation in short; from is always web in namespace demo.
type call struct {
	dialled, authority string
	upstream           mesh.Host
	upstreamPort       uint16
	upstreamAddr       string
}

func (c call) observation() mesh.Observation {
	obs := mesh.Observation{
		Source:    netip.MustParseAddr("10.244.0.7"),
		Authority: c.authority,
		Upstream:  c.upstream,
		Started:   noon,
		Received:  noon.Add(time.Second),
		Direct:    true,
	}
	if c.dialled != "" {
		obs.Dialled = netip.MustParseAddrPort(c.dialled)
	}
	if c.upstreamAddr != "" {
		obs.UpstreamAddr = netip.MustParseAddrPort(c.upstreamAddr)
	}
	obs.Port = cmp.Or(c.upstreamPort, obs.Dialled.Port())
	return obs
}

func TestResolve(t *testing.T) {
	const (
		reviews = "demo/reviews.demo.svc.cluster.local"
		canary  = "demo/canary.demo.svc.cluster.local"
		other   = "other/reviews.other.svc.cluster.local"
	)
	tests := map[string]struct {
		call call
		want []string // "namespace/host:port As"; none means unknown_service
	}{
		"bare name": {
			call{"10.96.0.20:9080", "reviews", "reviews.demo.svc.cluster.local", 9080, ""},
			[]string{reviews + ":9080 Authority", reviews + ":9080 Dialled", reviews + ":9080 Upstream"},
		},
		"start of a request": {
			call{dialled: "10.96.0.20:9080", authority: "reviews.demo.svc"},
			[]string{reviews + ":9080 Authority", reviews + ":9080 Dialled"},
		},
		"start of a TCP connection": {call{dialled: "10.96.0.20:9080"}, []string{reviews + ":9080 Dialled"}},
		"routed to another service": {
			call{"10.96.0.20:9080", "reviews.demo", "canary.demo.svc.cluster.local", 8443, ""},
			[]string{canary + ":8443 Upstream", reviews + ":9080 Authority", reviews + ":9080 Dialled"},
		},
		"authority of a service other than the dialled one": {
			call{dialled: "10.96.0.20:9080", authority: "reviews.other"},
			[]string{reviews + ":9080 Dialled", other + ":9080 Authority"},
		},
		"authority of a service without the dialled port": {
			call{dialled: "10.96.0.20:9080", authority: "canary"},
			[]string{reviews + ":9080 Dialled"},
		},
		"address as authority": {
			call{authority: "10.96.0.30"},
			[]string{other + ":0 Authority"},
		},
		"IPv6": {
			call{dialled: "[fd00::96]:9080", authority: "fd00::96"},
			[]string{"other/six.other.svc.cluster.local:9080 Authority", "other/six.other.svc.cluster.local:9080 Dialled"},
		},
		"headless, passed on to a service": {
			call{"10.244.1.9:9000", "", "headless.other.svc.cluster.local", 9000, ""},
			[]string{"other/headless.other.svc.cluster.local:9000 Upstream"},
		},
		"pod of a headless service by name, as a request starts": {
			call{dialled: "10.244.1.9:9000", authority: "headless-0.headless.other"},
			[]string{"other/headless.other.svc.cluster.local:9000 Authority"},
		},
		"passed through to a virtual address": {
			call{upstreamAddr: "10.96.0.30:9080"},
			[]string{other + ":9080 Upstream"},
		},
		"exported to the caller":                  {call{dialled: "10.96.0.32:9080"}, []string{"other/shared.other.svc.cluster.local:9080 Dialled"}},
		"of two ServiceEntries, by port":          {call{dialled: "192.0.2.1:5433"}, []string{"demo/b.db.example.com:5433 Dialled"}},
		"of two prefixes, the longest":            {call{dialled: "192.0.2.1:5432"}, []string{"demo/a.db.example.com:5432 Dialled"}},
		"within a range":                          {call{dialled: "192.0.2.77:5432"}, []string{"demo/range.example.com:5432 Dialled"}},
		"wildcard host":                           {call{authority: "x.example.org"}, []string{"other/*.example.org:0 Authority"}},
		"longest wildcard host":                   {call{authority: "v1.x.api.example.org"}, []string{"other/*.api.example.org:0 Authority"}},
		"host defined twice, the caller's counts": {call{authority: "twice.example.com"}, []string{"demo/twice.example.com:0 Authority"}},
		"host defined twice, by address":          {call{dialled: "240.240.0.3:443"}, []string{"alpha/twice.example.com:443 Dialled"}},
		"TCP beside UDP":                          {call{dialled: "10.96.0.10:53"}, []string{"kube-system/kube-dns.kube-system.svc.cluster.local:53 Dialled"}},

		"nothing":                {call{}, nil},
		"external":               {call{dialled: "203.0.113.9:443", authority: "www.example.com"}, nil},
		"deleted":                {call{"10.96.0.50:80", "gone", "gone.demo.svc.cluster.local", 80, ""}, nil},
		"port the service lacks": {call{dialled: "10.96.0.20:22"}, nil},
		"the egress":             {call{dialled: "10.96.0.99:8080", authority: egressService + ".istio-system"}, nil},
		"UDP only":               {call{dialled: "10.96.0.11:53"}, nil},
		"private to another":     {call{"10.96.0.31:9080", "hidden.other", "hidden.other.svc.cluster.local", 9080, ""}, nil},
		"name below a service that is not headless": {call{"10.96.0.20:9080", "x.reviews.other", "", 9080, ""}, []string{reviews + ":9080 Dialled"}},
		"bare name in another":                      {call{authority: "headless"}, nil},
		"wildcard covers no apex":                   {call{authority: "example.org"}, nil},
		"pod of a headless service":                 {call{dialled: "10.244.1.9:9000"}, nil},
		"name that is almost a full":                {call{authority: "reviews.demo.svc.cluster"}, nil},
	}
	dir := world()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			lesson, err := Resolve(test.call.observation(), []mesh.Tenancy{{Workload: web, From: noon.Add(-time.Hour)}}, dir)
			if test.want == nil {
				if want := (Unresolved{UnknownService, web}); !errors.Is(err, want) {
					t.Errorf("lesson %+v, error %v, want %v", lesson, err, want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, s := range lesson.Services {
				got = append(got, fmt.Sprintf("%s/%s:%d %s", s.Namespace, s.Host, s.Port, s.As))
			}
			if diff := gocmp.Diff(test.want, got); diff != "" {
				t.Errorf("services (-want +got):\n%s", diff)
			}
			if lesson.Workload != web || !lesson.At.Equal(noon.Add(time.Second)) || !lesson.Direct {
				t.Errorf("lesson of %v at %v", lesson.Workload, lesson.At)
			}
		})
	}
}

func TestResolveKnowsWhoHeldTheAddress(t *testing.T) {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	held := func(w mesh.WorkloadKey, from, until int) mesh.Tenancy {
		return mesh.Tenancy{Workload: w, From: at(from), Until: at(until)}
	}
	holds := func(w mesh.WorkloadKey, from int) mesh.Tenancy { return mesh.Tenancy{Workload: w, From: at(from)} }
	tests := map[string]struct {
		tenancies []mesh.Tenancy
		want      mesh.WorkloadKey
		reason    Reason
	}{
		"nobody":                                {nil, mesh.WorkloadKey{}, UnknownSource},
		"one pod":                               {[]mesh.Tenancy{holds(web, -60)}, web, ""},
		"one pod, clocks apart":                 {[]mesh.Tenancy{holds(web, 2)}, web, ""},
		"pod created after the request":         {[]mesh.Tenancy{holds(web, 3)}, mesh.WorkloadKey{}, AddressReused},
		"finished pod":                          {[]mesh.Tenancy{held(job, -60, 10)}, job, ""},
		"pod finished a moment ago":             {[]mesh.Tenancy{held(job, -60, -1)}, job, ""},
		"pod finished before":                   {[]mesh.Tenancy{held(job, -60, -3)}, mesh.WorkloadKey{}, AddressReused},
		"reused, request of the former":         {[]mesh.Tenancy{held(job, -60, 10), holds(web, 11)}, job, ""},
		"reused, request of the latter":         {[]mesh.Tenancy{held(job, -60, -5), holds(web, -4)}, web, ""},
		"reused, and no tolerance then":         {[]mesh.Tenancy{held(job, -60, -2), holds(web, 1)}, mesh.WorkloadKey{}, AddressReused},
		"reused, either may have asked":         {[]mesh.Tenancy{held(job, -60, 1), holds(web, -4)}, mesh.WorkloadKey{}, AddressReused},
		"two pods of one workload":              {[]mesh.Tenancy{held(web, -60, 1), holds(web, -4)}, web, ""},
		"two pods of one workload, clocks too":  {[]mesh.Tenancy{held(web, -60, -2), holds(web, 1)}, web, ""},
		"a third workload long ago is no doubt": {[]mesh.Tenancy{held(job, -90, -60), holds(web, -50)}, web, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				lesson, err := Resolve(call{dialled: "10.96.0.20:9080"}.observation(), test.tenancies, world())
				if test.reason != "" {
					if want := (Unresolved{Reason: test.reason}); !errors.Is(err, want) {
						t.Errorf("error %v, want %v", err, want)
					}
				} else if err != nil || lesson.Workload != test.want {
					t.Errorf("workload %v, error %v, want %v", lesson.Workload, err, test.want)
				}
				slices.Reverse(test.tenancies)
			}
		})
	}
}
