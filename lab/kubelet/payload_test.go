package kubelet

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// tree describes a volume: for a link its target, with the version's own name left out, for a file its content.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	version, err := os.Readlink(filepath.Join(dir, dataLink))
	if err != nil {
		t.Fatal(err)
	}
	err = filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		if rest, ok := cutElement(name, version); ok {
			name = "VERSION/" + rest
		}
		if target, err := os.Readlink(path); err == nil {
			if target == version {
				target = "VERSION"
			}
			out[name] = "-> " + target
			return nil
		}
		content, err := os.ReadFile(path)
		out[name] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func cutElement(path, first string) (string, bool) {
	rest, err := filepath.Rel(first, path)
	return rest, err == nil && filepath.IsLocal(rest)
}

func payloadOf(files map[string]string) *payload {
	p := newPayload()
	for path, content := range files {
		p.files[path] = payloadFile{data: []byte(content), mode: 0o644}
	}
	return p
}

func TestPayloadLooksAsOnANode(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "volume")
	if err := payloadOf(map[string]string{"a": "1", "sub/b": "2", "sub/c": "3"}).write(dir, nil); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"..data": "-> VERSION", "a": "-> ..data/a", "sub": "-> ..data/sub",
		"VERSION/a": "1", "VERSION/sub/b": "2", "VERSION/sub/c": "3",
	}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Error(diff)
	}
	if err := payloadOf(map[string]string{"a": "one", "d": "4"}).write(dir, nil); err != nil {
		t.Fatal(err)
	}
	want = map[string]string{"..data": "-> VERSION", "a": "-> ..data/a", "d": "-> ..data/d", "VERSION/a": "one", "VERSION/d": "4"}
	if diff := cmp.Diff(want, tree(t, dir)); diff != "" {
		t.Errorf("after a change: %s", diff)
	}
}

func TestPayloadThatIsThereIsLeftAlone(t *testing.T) {
	dir := t.TempDir()
	p := payloadOf(map[string]string{"a": "1"})
	version := func() string {
		t.Helper()
		if err := p.write(dir, nil); err != nil {
			t.Fatal(err)
		}
		target, err := os.Readlink(filepath.Join(dir, dataLink))
		if err != nil {
			t.Fatal(err)
		}
		return target
	}
	first := version()
	if second := version(); second != first {
		t.Error("an unchanged volume was written again")
	}
	p.files = nil // as an optional ConfigMap that was deleted
	if third := version(); third == first {
		t.Error("a file that is gone stayed in the volume")
	}
}

func TestPayloadModesAndPaths(t *testing.T) {
	dir := t.TempDir()
	p := newPayload()
	p.files["secret"] = payloadFile{mode: 0o400}
	if err := p.write(dir, nil); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(dir, "secret"))
	if err != nil || info.Mode().Perm() != 0o400 {
		t.Errorf("mode %v, %v, want 0400", info.Mode(), err)
	}
	if err := payloadOf(map[string]string{"../out": ""}).write(dir, nil); err == nil {
		t.Error("a path that leads out of the volume was written")
	}
}

func TestVolumeContent(t *testing.T) {
	mode, yes := int32(0o400), true
	build := func() *contentBuilder {
		return &contentBuilder{
			objects: inMemory(map[string]map[string]string{"conf": {"a": "1", "b": "2"}}, map[string]map[string]string{"sec": {"s": "3"}}),
			fields:  exampleFields(),
			token:   func(*corev1.ServiceAccountTokenProjection) (string, error) { return "token", nil },
			payload: newPayload(), defaultMode: 0o644,
		}
	}
	c := build()
	named := func(name string) corev1.LocalObjectReference { return corev1.LocalObjectReference{Name: name} }
	for _, source := range []corev1.VolumeProjection{
		{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named("conf"), Items: []corev1.KeyToPath{{Key: "a", Path: "conf/a", Mode: &mode}}}},
		{ConfigMap: &corev1.ConfigMapProjection{LocalObjectReference: named("none"), Optional: &yes}},
		{Secret: &corev1.SecretProjection{LocalObjectReference: named("sec")}},
		{DownwardAPI: &corev1.DownwardAPIProjection{Items: []corev1.DownwardAPIVolumeFile{{Path: "name", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}}}},
		{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "token"}},
	} {
		if err := c.projection(&source); err != nil {
			t.Fatal(err)
		}
	}
	want := map[string]payloadFile{
		"conf/a": {[]byte("1"), 0o400}, "s": {[]byte("3"), 0o644}, "name": {[]byte("web-0"), 0o644}, "token": {[]byte("token"), 0o644},
	}
	if diff := cmp.Diff(want, c.payload.files, cmp.AllowUnexported(payloadFile{})); diff != "" {
		t.Error(diff)
	}
	if err := build().configMap("none", nil, nil); err == nil {
		t.Error("a missing ConfigMap is no error")
	}
	if err := build().configMap("conf", []corev1.KeyToPath{{Key: "z", Path: "z"}}, nil); err == nil {
		t.Error("a missing key is no error")
	}
}

func TestHostPathLendsOnlyFoldersBelowEtc(t *testing.T) {
	for path, allowed := range map[string]bool{"/etc": true, "/etc/../var": false, "/var/lib": false, "/etcetera": false, "/etc/passwd": false, "/etc/none": false} {
		err := checkHostPath(&corev1.HostPathVolumeSource{Path: path})
		if (err == nil) != allowed {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestSubPath(t *testing.T) {
	dir := t.TempDir()
	if err := payloadOf(map[string]string{"a": "1"}).write(dir, nil); err != nil {
		t.Fatal(err)
	}
	path, err := subPath(dir, "a")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(path); err != nil || !info.Mode().IsRegular() {
		t.Errorf("%s is not the file itself: %v", path, err)
	}
	if path, err := subPath(dir, "new/folder"); err != nil || path != filepath.Join(dir, "new/folder") {
		t.Errorf("new folder: %s, %v", path, err)
	}
	if _, err := subPath(dir, "../elsewhere"); err == nil {
		t.Error("a subPath that leads out of the volume is no error")
	}
}
