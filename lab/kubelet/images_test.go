package kubelet

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

func TestLookupImage(t *testing.T) {
	for ref, want := range map[string]string{
		"docker.io/istio/pilot:1.29.1":                              "/usr/local/bin/pilot-discovery",
		"docker.io/istio/proxyv2:1.29.1-distroless":                 "/usr/local/bin/pilot-agent",
		"registry.k8s.io/coredns/coredns:v1.15.0":                   "/usr/local/bin/coredns",
		"docker.io/mccutchen/go-httpbin:v2.15.0":                    "/bin/go-httpbin",
		"docker.io/kennethreitz/httpbin":                            "/bin/go-httpbin",
		"docker.io/curlimages/curl:8.16.0":                          "curl",
		"busybox":                                                   "sh",
		"lazyxds/shell":                                             "sh",
		"localhost:5000/lazyxds:dev":                                "/usr/local/bin/lazyxds",
		"ghcr.io/someone/lazyxds@sha256:0123":                       "/usr/local/bin/lazyxds",
		"lazyxds/echo:latest":                                       "/usr/local/bin/labapp echo",
		"docker.io/istio/tcp-echo-server:1.3":                       "/usr/local/bin/labapp tcp-echo",
		"docker.io/istio/examples-helloworld-v2:1.0":                "/usr/local/bin/labapp helloworld --version v2",
		"docker.io/istio/examples-bookinfo-reviews-v3:1.20.3":       "/usr/local/bin/labapp bookinfo reviews --version v3",
		"registry.local:443/x/examples-bookinfo-productpage-v1":     "/usr/local/bin/labapp bookinfo productpage --version v1",
		"docker.io/istio/examples-bookinfo-details-v2:1@sha256:012": "/usr/local/bin/labapp bookinfo details --version v2",
	} {
		img, ok := lookupImage(ref)
		if !ok {
			t.Errorf("%s is unknown", ref)
			continue
		}
		if got := strings.Join(append(img.entrypoint, img.cmd...), " "); got != want {
			t.Errorf("%s runs %q, want %q", ref, got, want)
		}
	}
	for _, ref := range []string{"", "nginx", "docker.io/someone/echo", "other/shell", "docker.io/istio/examples-bookinfo-mongodb:1", "examples-unknown-v1", "pilot/other"} {
		if _, ok := lookupImage(ref); ok {
			t.Errorf("%q is known", ref)
		}
	}
}

func TestResolveImage(t *testing.T) {
	dir := t.TempDir()
	components := map[string]string{}
	for _, name := range []string{"pilot-agent", "envoy", "envoy-bootstrap", "labapp"} {
		components[name] = filepath.Join(dir, name)
		if err := os.WriteFile(components[name], nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	components["coredns"] = filepath.Join(dir, "not-there")

	_, binds, err := resolveImage("istio/proxyv2", components)
	if err != nil {
		t.Fatal(err)
	}
	want := []bind{
		{Source: filepath.Join(dir, "envoy"), Target: "/usr/local/bin/envoy", ReadOnly: true},
		{Source: filepath.Join(dir, "labapp"), Target: "/usr/local/bin/labapp", ReadOnly: true},
		{Source: filepath.Join(dir, "pilot-agent"), Target: "/usr/local/bin/pilot-agent", ReadOnly: true},
		{Source: filepath.Join(dir, "envoy-bootstrap"), Target: "/var/lib/istio/envoy/envoy_bootstrap_tmpl.json", ReadOnly: true},
	}
	if diff := cmp.Diff(want, binds); diff != "" {
		t.Error(diff)
	}
	for ref, want := range map[string]string{
		"nobody/nothing:1": `image "nobody/nothing:1" is not in the lab's image table`,
		"lazyxds":          `image "lazyxds" needs lazyxds, which this lab does not have`,
		"coredns":          `image "coredns" needs coredns: stat ` + components["coredns"] + `: no such file or directory`,
	} {
		if _, _, err := resolveImage(ref, components); err == nil || err.Error() != want {
			t.Errorf("%s: error %v, want %s", ref, err, want)
		}
	}
}

func TestCommandLine(t *testing.T) {
	img := image{entrypoint: []string{"server"}, cmd: []string{"--default"}}
	for _, test := range []struct {
		command, args []string
		want          string
	}{
		{nil, nil, "server --default"},
		{nil, []string{"--port=$(PORT)"}, "server --port=80"},
		{[]string{"sh", "-c"}, nil, "sh -c"},
		{[]string{"sh", "-c"}, []string{"echo $(NONE)"}, "sh -c echo $(NONE)"},
	} {
		spec := &corev1.Container{Command: test.command, Args: test.args}
		if got := strings.Join(commandLine(img, spec, map[string]string{"PORT": "80"}), " "); got != test.want {
			t.Errorf("command %q, args %q: %q, want %q", test.command, test.args, got, test.want)
		}
	}
}

func TestSetUserTakesTheLastWord(t *testing.T) {
	id := func(n int64) *int64 { return &n }
	yes := true
	for _, test := range []struct {
		name      string
		pod       *corev1.PodSecurityContext
		container *corev1.SecurityContext
		want      initSpec
	}{
		{"image", nil, nil, initSpec{UID: 1, GID: 2}},
		{"pod", &corev1.PodSecurityContext{RunAsUser: id(3), FSGroup: id(9), SupplementalGroups: []int64{8}}, nil, initSpec{UID: 3, GID: 2, Groups: []int{8, 9}}},
		{"container", &corev1.PodSecurityContext{RunAsUser: id(3), RunAsGroup: id(4)}, &corev1.SecurityContext{RunAsUser: id(0), ReadOnlyRootFilesystem: &yes}, initSpec{UID: 0, GID: 4, ReadOnlyRoot: true}},
	} {
		var got initSpec
		got.setUser(image{uid: 1, gid: 2}, test.pod, test.container)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
}
