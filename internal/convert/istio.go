package convert

import (
	"regexp"
	"strconv"
	"strings"
)

// imageVersion finds the release in an image tag: "docker.io/istio/pilot:1.29.1-distroless" is 1.29.1.
var imageVersion = regexp.MustCompile(`:(\d+)\.(\d+)(?:\.(\d+))?[^:/@]*(?:@.*)?$`)

// IstioVersion reads the release from the image of an istiod pod; empty if the image names none, as by digest only.
func IstioVersion(image string) string {
	match := imageVersion.FindStringSubmatch(image)
	if match == nil {
		return ""
	}
	version := match[1] + "." + match[2]
	if match[3] != "" {
		version += "." + match[3]
	}
	return version
}

// OlderVersion returns the older of two releases; an empty one tells nothing and gives way.
func OlderVersion(a, b string) string {
	if a == "" {
		return b
	}
	if b == "" {
		return a
	}
	x, y := versionNumbers(a), versionNumbers(b)
	for i := range x {
		if x[i] != y[i] {
			if x[i] < y[i] {
				return a
			}
			return b
		}
	}
	return a
}

func versionNumbers(v string) [3]int {
	var out [3]int
	for i, number := range strings.SplitN(v, ".", len(out)) {
		out[i], _ = strconv.Atoi(number) // digits only, or too many of them, which reads as the largest int
	}
	return out
}
