package kubelet

import (
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func TestTally(t *testing.T) {
	count := newTally(&corev1.Probe{SuccessThreshold: 2, FailureThreshold: 3})
	var got []verdict
	for _, result := range "+-++---+-+" {
		got = append(got, count.add(result == '+'))
	}
	want := []verdict{undecided, undecided, undecided, passing, undecided, undecided, failing, undecided, undecided, undecided}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	defaults := newTally(&corev1.Probe{})
	if v := defaults.add(true); v != passing {
		t.Errorf("one success with default thresholds: %d", v)
	}
	defaults.add(false)
	defaults.add(false)
	if v := defaults.add(false); v != failing {
		t.Errorf("three failures with default thresholds: %d", v)
	}
}

// probed is a container whose pod has the loopback address.
func probed(ports ...corev1.ContainerPort) *container {
	p := &pod{ip: netip.MustParseAddr("127.0.0.1")}
	return &container{pod: p, spec: &corev1.Container{Name: "app", Ports: ports}}
}

func TestHTTPProbe(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path == "/ready" && r.URL.RawQuery == "deep=1" && r.Host == "own.host" && r.Header.Get("X-Probe") == "yes":
		case r.URL.Path == "/moved":
			w.WriteHeader(http.StatusNotModified)
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	}))
	defer server.Close()
	port := server.Listener.Addr().(*net.TCPAddr).Port
	c := probed(corev1.ContainerPort{Name: "web", ContainerPort: int32(port)})
	headers := []corev1.HTTPHeader{{Name: "Host", Value: "own.host"}, {Name: "X-Probe", Value: "yes"}}
	for _, test := range []struct {
		name, path string
		port       intstr.IntOrString
		want       string
	}{
		{"by number", "/ready?deep=1", intstr.FromInt32(int32(port)), ""},
		{"by name", "/moved", intstr.FromString("web"), ""},
		{"unwell", "/other", intstr.FromInt32(int32(port)), "HTTP probe failed with statuscode: 503"},
		{"no such port", "/", intstr.FromString("none"), `container app has no port "none"`},
	} {
		err := c.check(t.Context(), &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
			HTTPGet: &corev1.HTTPGetAction{Path: test.path, Port: test.port, HTTPHeaders: headers},
		}})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.want {
			t.Errorf("%s: error %q, want %q", test.name, got, test.want)
		}
	}
}

func TestTCPProbe(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	probe := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{
		TCPSocket: &corev1.TCPSocketAction{Port: intstr.FromInt32(int32(listener.Addr().(*net.TCPAddr).Port))},
	}}
	c := probed()
	if err := c.check(t.Context(), probe); err != nil {
		t.Errorf("a listening port: %v", err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	if err := c.check(t.Context(), probe); err == nil || !strings.Contains(err.Error(), "refused") {
		t.Errorf("a closed port: %v", err)
	}
}
