package kubelet

import (
	"net/netip"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestAddressesGoRoundBeforeTheyRepeat(t *testing.T) {
	a := newAddresses(netip.MustParsePrefix("10.1.0.0/29"), netip.MustParseAddr("10.1.0.1"))
	next := func() string {
		t.Helper()
		addr, err := a.allocate()
		if err != nil {
			t.Fatal(err)
		}
		return addr.String()
	}
	for _, want := range []string{"10.1.0.2", "10.1.0.3"} {
		if got := next(); got != want {
			t.Fatalf("address %s, want %s", got, want)
		}
	}
	a.release(netip.MustParseAddr("10.1.0.2"))
	for _, want := range []string{"10.1.0.4", "10.1.0.5", "10.1.0.6", "10.1.0.2"} {
		if got := next(); got != want {
			t.Fatalf("address %s, want %s", got, want)
		}
	}
	if addr, err := a.allocate(); err == nil {
		t.Errorf("got %s, though all are in use", addr)
	}
}

func TestClaimAddress(t *testing.T) {
	a := newAddresses(netip.MustParsePrefix("10.1.0.0/24"), netip.MustParseAddr("10.1.0.1"))
	if err := a.claim(netip.MustParseAddr("10.1.0.2")); err != nil {
		t.Fatal(err)
	}
	for _, addr := range []string{"10.1.0.0", "10.1.0.1", "10.1.0.2", "10.1.0.255", "10.1.1.4", "::1"} {
		if err := a.claim(netip.MustParseAddr(addr)); err == nil {
			t.Errorf("%s could be claimed", addr)
		}
	}
	if addr, err := a.allocate(); err != nil || addr.String() != "10.1.0.3" {
		t.Errorf("allocated %s, %v, want 10.1.0.3", addr, err)
	}
}

func TestNetworkNames(t *testing.T) {
	one, other := &network{prefix: "lz-one-"}, &network{prefix: "lz-other-"}
	uid := "5f0c3c1e-5a0e-4b3a-9d6c-0a9d5f2b8a11"
	if name := one.vethName(uid); len(name) > 15 {
		t.Errorf("interface name %s is too long for the kernel", name)
	}
	if !strings.HasPrefix(one.netnsName(uid), "lz-one-") {
		t.Errorf("namespace %s does not begin with the lab's prefix", one.netnsName(uid))
	}
	if one.vethName(uid) == other.vethName(uid) || one.vethName(uid) == one.vethName("another") {
		t.Error("two pods share an interface name")
	}
}

func TestNetworkFiles(t *testing.T) {
	cfg := Config{ClusterDNS: "10.96.0.10", ClusterDomain: "cluster.local"}
	two := "2"
	pod := examplePod()
	pod.Spec.Subdomain = "web"
	pod.Spec.DNSConfig = &corev1.PodDNSConfig{
		Searches: []string{"global"}, Options: []corev1.PodDNSConfigOption{{Name: "attempts", Value: &two}, {Name: "rotate"}},
	}
	pod.Spec.HostAliases = []corev1.HostAlias{{IP: "1.2.3.4", Hostnames: []string{"a", "b"}}}
	files := cfg.networkFiles(pod, "10.244.0.9")
	for path, want := range map[string]string{
		"/etc/hostname":    "web-0\n",
		"/etc/hosts":       "127.0.0.1\tlocalhost\n::1\tlocalhost\n10.244.0.9\tweb-0.web.demo.svc.cluster.local\tweb-0\n1.2.3.4\ta\tb\n",
		"/etc/resolv.conf": "search demo.svc.cluster.local svc.cluster.local cluster.local global\nnameserver 10.96.0.10\noptions ndots:5 attempts:2 rotate\n",
	} {
		if files[path] != want {
			t.Errorf("%s is\n%swant\n%s", path, files[path], want)
		}
	}
	plain := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "dns"}, Spec: corev1.PodSpec{DNSPolicy: corev1.DNSDefault}}
	if got := cfg.resolvConf(plain); got != "" {
		t.Errorf("dnsPolicy Default names a resolver: %s", got)
	}
}
