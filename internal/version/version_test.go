package version

import (
	"runtime/debug"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestRead(t *testing.T) {
	setting := func(k, v string) debug.BuildSetting { return debug.BuildSetting{Key: k, Value: v} }
	tests := []struct {
		name  string
		build debug.BuildInfo
		want  string
	}{
		{"nothing known", debug.BuildInfo{}, "(devel) (go1.26, linux/amd64)"},
		{"tag", debug.BuildInfo{Main: debug.Module{Version: "v0.1.0"}, Settings: []debug.BuildSetting{
			setting("vcs.revision", "abc"), setting("vcs.modified", "false")}}, "v0.1.0 (abc, go1.26, linux/amd64)"},
		{"changed tree", debug.BuildInfo{Main: debug.Module{Version: "(devel)"}, Settings: []debug.BuildSetting{
			setting("vcs.modified", "true"), setting("vcs.revision", "abc")}}, "(devel) (abc-dirty, go1.26, linux/amd64)"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			info := Info{Version: "(devel)", Go: "go1.26", Platform: "linux/amd64"}
			info.read(&tt.build)
			if diff := cmp.Diff(tt.want, info.String()); diff != "" {
				t.Error(diff)
			}
		})
	}
}
