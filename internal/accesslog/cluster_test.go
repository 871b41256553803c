package accesslog

import (
	"fmt"
	"strings"
	"testing"
)

func TestParseCluster(t *testing.T) {
	reviews := Cluster{Direction: Outbound, Port: 9080, Host: "reviews.demo.svc.cluster.local"}
	subset := reviews
	subset.Subset = "v1"
	for name, want := range map[string]Cluster{
		"outbound|9080||reviews.demo.svc.cluster.local":      reviews,
		"outbound|9080||Reviews.Demo.svc.cluster.local.":     reviews,
		"outbound|9080|v1|reviews.demo.svc.cluster.local":    subset,
		"outbound_.9080_._.reviews.demo.svc.cluster.local":   reviews,
		"outbound_.9080_.v1_.reviews.demo.svc.cluster.local": subset,
		"outbound|443||*.example.com":                        {Direction: Outbound, Port: 443, Host: "*.example.com"},
		"outbound|65535||a_b":                                {Direction: Outbound, Port: 65535, Host: "a_b"},
		"inbound|9080||":                                     {Direction: Inbound, Port: 9080},
		"inbound|9080|http|reviews.demo.svc.cluster.local":   {Direction: Inbound, Port: 9080, Subset: "http", Host: reviews.Host},
	} {
		if got, ok := ParseCluster(name); !ok || got != want {
			t.Errorf("ParseCluster(%q) = %+v, %v, want %+v", name, got, ok, want)
		}
	}
	for _, name := range []string{
		"", "|", "|||", "||||", "PassthroughCluster", "BlackHoleCluster", "InboundPassthroughCluster", "lazyxds-loop", "xds-grpc",
		"outbound|9080||", "outbound|9080|reviews", "outbound|9080||a|b", "outbound|0||a.b", "outbound|65536||a.b",
		"outbound|-1||a.b", "outbound|+80||a.b", "outbound|80 ||a.b", "outbound|||a.b", "sideways|80||a.b", "OUTBOUND|80||a.b",
		"outbound|80||a..b", "outbound|80||.a", "outbound|80||*", "outbound|80||*.", "outbound|80||a.*", "outbound|80||a b",
		"outbound|80||a/b", "outbound|80||é.demo", "outbound|80||a\x00b", "outbound|80||[::1]",
		"outbound|80||" + strings.Repeat("a", 64), "outbound|80||" + strings.Repeat("a.", 200) + "a", strings.Repeat("|", 1<<20),
	} {
		if got, ok := ParseCluster(name); ok {
			t.Errorf("ParseCluster(%.60q) = %+v, want it refused", name, got)
		}
	}
}

func FuzzParseCluster(f *testing.F) {
	f.Add("outbound|9080|v1|reviews.demo.svc.cluster.local")
	f.Fuzz(func(t *testing.T, name string) {
		c, ok := ParseCluster(name)
		if !ok {
			if c != (Cluster{}) {
				t.Errorf("ParseCluster(%q) refuses the name, yet reads %+v from it", name, c)
			}
			return
		}
		if c.Port == 0 {
			t.Errorf("ParseCluster(%q): port 0", name)
		}
		if c.Direction == Outbound && c.Host == "" {
			t.Errorf("ParseCluster(%q): outbound without a host", name)
		}
		checkHost(t, strings.TrimPrefix(string(c.Host), "*."), c.Host != "")
		again, ok := ParseCluster(fmt.Sprintf("%s|%d|%s|%s", c.Direction, c.Port, c.Subset, c.Host))
		if !strings.Contains(c.Subset, "|") && (!ok || again != c) {
			t.Errorf("ParseCluster(%q) = %+v, written out and read again %+v, %v", name, c, again, ok)
		}
	})
}

// checkHost wants a name in the form package mesh promises.
func checkHost(t *testing.T, host string, required bool) {
	t.Helper()
	if host == "" && !required {
		return
	}
	if host == "" || len(host) > maxHost || strings.ToLower(host) != host || strings.HasSuffix(host, ".") ||
		strings.ContainsAny(host, "|*/@[] \x00") {
		t.Errorf("host %q is not in its proper form", host)
	}
}
