package kubelet

import (
	"fmt"
	"os"
	"strings"
)

// An image is what the lab knows about a container image: how its process is started, and which of the lab's components
// have to be found where.
type image struct {
	entrypoint []string
	cmd        []string
	env        []string
	uid, gid   int
	workingDir string
	files      map[string]string // path in the container -> component name
}

const (
	binDir = "/usr/local/bin/"
	labapp = "labapp"
)

// lookupImage finds the table entry for an image reference. Registry, tag and digest do not matter: what counts is the last
// path element and, for the project's own images, the one before it.
func lookupImage(ref string) (image, bool) {
	parent, name := splitReference(ref)
	switch name {
	case "pilot":
		return component("pilot-discovery", 1337), true
	case "proxyv2":
		img := component("pilot-agent", 0)
		img.files[binDir+"envoy"] = "envoy"
		img.files["/var/lib/istio/envoy/envoy_bootstrap_tmpl.json"] = "envoy-bootstrap"
		return img, true
	case "coredns":
		return component("coredns", 0), true
	case "lazyxds":
		return component("lazyxds", 65532), true
	case "go-httpbin":
		return httpbin(), true
	case "httpbin": // the original listens on port 80
		img := httpbin()
		img.env = []string{"PORT=80"}
		return img, true
	case "curl":
		return image{entrypoint: []string{"curl"}, uid: 100, gid: 101}, true
	case "sleep", "busybox", "alpine", "debian":
		return shell(), true
	case "shell":
		return shell(), parent == "lazyxds"
	case "echo":
		return application("echo"), parent == "lazyxds"
	case "tcp-echo-server":
		return application("tcp-echo"), true
	case "fortio":
		return application("echo", "--name", "fortio", "--http", "8080", "--grpc", "8079"), true
	}
	return lookupSample(name)
}

// lookupSample knows the samples of Istio whose image names carry a version: examples-bookinfo-reviews-v2, for one.
func lookupSample(name string) (image, bool) {
	sample, ok := strings.CutPrefix(name, "examples-")
	if !ok {
		return image{}, false
	}
	i := strings.LastIndex(sample, "-v")
	if i < 0 {
		return image{}, false
	}
	app, version := sample[:i], sample[i+1:]
	switch app {
	case "helloworld":
		return application("helloworld", "--version", version), true
	case "bookinfo-productpage", "bookinfo-details", "bookinfo-reviews", "bookinfo-ratings":
		img := application("bookinfo", strings.TrimPrefix(app, "bookinfo-"), "--version", version)
		img.uid, img.gid = 1000, 1000
		return img, true
	}
	return image{}, false
}

// component is an image that holds one binary of the lab and runs it.
func component(name string, uid int) image {
	return image{
		entrypoint: []string{binDir + name},
		uid:        uid,
		gid:        uid,
		files:      map[string]string{binDir + name: name},
	}
}

// application is an image played by the lab's own application server.
func application(args ...string) image {
	return image{
		entrypoint: append([]string{binDir + labapp}, args...),
		files:      map[string]string{binDir + labapp: labapp},
	}
}

func httpbin() image {
	return image{
		cmd:   []string{"/bin/go-httpbin"},
		uid:   65532,
		gid:   65532,
		files: map[string]string{"/bin/go-httpbin": "go-httpbin"},
	}
}

func shell() image { return image{cmd: []string{"sh"}} }

// resolveImage is the lab's image pull: it finds the table entry and the components it needs on this machine.
func resolveImage(ref string, components map[string]string) (image, []bind, error) {
	img, ok := lookupImage(ref)
	if !ok {
		return image{}, nil, fmt.Errorf("image %q is not in the lab's image table", ref)
	}
	var binds []bind
	for target, name := range img.files {
		source := components[name]
		if source == "" {
			return image{}, nil, fmt.Errorf("image %q needs %s, which this lab does not have", ref, name)
		}
		if _, err := os.Stat(source); err != nil {
			return image{}, nil, fmt.Errorf("image %q needs %s: %w", ref, name, err)
		}
		binds = append(binds, bind{Source: source, Target: target, ReadOnly: true})
	}
	// The load client is at hand in every container, as the host's curl is.
	if source := components[labapp]; source != "" && img.files[binDir+labapp] == "" {
		if _, err := os.Stat(source); err == nil {
			binds = append(binds, bind{Source: source, Target: binDir + labapp, ReadOnly: true})
		}
	}
	sortBinds(binds)
	return img, binds, nil
}

// splitReference returns the last two path elements of an image reference, without tag and digest.
func splitReference(ref string) (parent, name string) {
	ref, _, _ = strings.Cut(ref, "@")
	if i := strings.LastIndex(ref, ":"); i > strings.LastIndex(ref, "/") {
		ref = ref[:i]
	}
	elements := strings.Split(ref, "/")
	name = elements[len(elements)-1]
	if len(elements) > 1 {
		parent = elements[len(elements)-2]
	}
	return parent, name
}
