// Package version tells what the running program was built from.
package version

import (
	"runtime"
	"runtime/debug"
)

// Info is what a program was built from.
type Info struct {
	// Version is the module's version as the Go tool stamped it: a tag, a pseudo-version, or "(devel)".
	Version string `json:"version"`
	// Revision is the commit, with "-dirty" where the tree had changes; empty if the build did not know.
	Revision string `json:"revision,omitempty"`
	// Go is the version of the Go toolchain.
	Go string `json:"go"`
	// Platform is the operating system and architecture, as "linux/amd64".
	Platform string `json:"platform"`
}

// Get returns what the running program was built from.
func Get() Info {
	info := Info{Version: "(devel)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if build, ok := debug.ReadBuildInfo(); ok {
		info.read(build)
	}
	return info
}

func (i *Info) read(build *debug.BuildInfo) {
	if build.Main.Version != "" {
		i.Version = build.Main.Version
	}
	dirty := false
	for _, setting := range build.Settings {
		switch setting.Key {
		case "vcs.revision":
			i.Revision = setting.Value
		case "vcs.modified":
			dirty = setting.Value == "true"
		}
	}
	if dirty && i.Revision != "" {
		i.Revision += "-dirty"
	}
}

// String renders the info in one line.
func (i Info) String() string {
	if i.Revision == "" {
		return i.Version + " (" + i.Go + ", " + i.Platform + ")"
	}
	return i.Version + " (" + i.Revision + ", " + i.Go + ", " + i.Platform + ")"
}
