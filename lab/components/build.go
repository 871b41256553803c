package components

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// builder makes what the cache lacks.
type builder struct {
	checkout  Checkout
	steps     *Steps
	goVersion string
}

// newBuilder builds from the checkout in or above repo, and tells of it on out.
func newBuilder(ctx context.Context, repo string, out io.Writer) (builder, error) {
	checkout, err := OpenCheckout(repo)
	if err != nil {
		return builder{}, err
	}
	version, err := goVersion(ctx, checkout.dir("lab"))
	return builder{checkout: checkout, steps: NewSteps(out), goVersion: version}, err
}

// program is a main package of one of the nested modules.
type program struct {
	module, name  string
	tags, ldflags string
}

func (p program) args() []string {
	args := []string{"build", "-buildvcs=false", "-trimpath"}
	if p.tags != "" {
		args = append(args, "-tags", p.tags)
	}
	return append(args, "-ldflags", strings.TrimSpace("-s -w "+p.ldflags))
}

// program returns the path of p, built if the cache lacks it.
func (b builder) program(ctx context.Context, p program) (string, error) {
	dir := b.checkout.dir(filepath.Join("lab", "components", p.module))
	key, err := buildKey(b.goVersion, dir, p)
	if err != nil {
		return "", err
	}
	return cached(ctx, b.checkout.cache, p.name, key, func(tmp string) error {
		done := b.steps.Start("build " + p.name)
		err := runGo(ctx, dir, append(p.args(), "-o", tmp, "./"+p.name)...)
		done(err)
		return err
	})
}

// buildKey hashes everything that determines the program, go.sum standing for the sources of all dependencies.
func buildKey(goVersion, dir string, p program) (string, error) {
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%s\n%q\n", goVersion, p.name, p.args())
	files, err := filepath.Glob(filepath.Join(dir, p.name, "*.go"))
	if err != nil {
		return "", fmt.Errorf("list the sources of %s: %w", p.name, err)
	}
	if len(files) == 0 {
		return "", fmt.Errorf("no sources of %s in %s", p.name, dir)
	}
	for _, file := range append(files, filepath.Join(dir, "go.mod"), filepath.Join(dir, "go.sum")) {
		text, err := os.ReadFile(file)
		if err != nil {
			return "", fmt.Errorf("hash the sources of %s: %w", p.name, err)
		}
		fmt.Fprintf(h, "%s %d\n%s", filepath.Base(file), len(text), text)
	}
	return fmt.Sprintf("%x", h.Sum(nil)[:8]), nil
}

// moduleDir is the folder of a dependency of a nested module, downloaded if the module cache lacks it.
func (b builder) moduleDir(ctx context.Context, module, path string) (string, error) {
	cmd := goCommand(ctx, b.checkout.dir(filepath.Join("lab", "components", module)), "mod", "download", "-json", path)
	out, err := output(cmd)
	if err != nil {
		return "", fmt.Errorf("download module %s: %w", path, err)
	}
	var info struct{ Dir string }
	if err := json.Unmarshal(out, &info); err != nil {
		return "", fmt.Errorf("find module %s: %w", path, err)
	}
	return info.Dir, nil
}

func goVersion(ctx context.Context, dir string) (string, error) {
	out, err := output(goCommand(ctx, dir, "env", "GOVERSION", "GOOS", "GOARCH", "CGO_ENABLED"))
	if err != nil {
		return "", fmt.Errorf("ask Go for its version: %w", err)
	}
	return string(out), nil
}

func runGo(ctx context.Context, dir string, args ...string) error {
	_, err := output(goCommand(ctx, dir, args...))
	return err
}

func goCommand(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	// The nested modules belong to no workspace, whatever the user has set up around the tree.
	cmd.Env = append(os.Environ(), "GOWORK=off", "PWD="+dir)
	// Compilers the Go tool started may hold the pipes for a moment after it was interrupted.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// output runs cmd and returns what it printed; the error of a failed command ends with the last lines of its stderr.
func output(cmd *exec.Cmd) ([]byte, error) {
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	what := fmt.Errorf("%s %s: %w", filepath.Base(cmd.Path), cmd.Args[1], err)
	said := strings.TrimSpace(stderr.String())
	if said == "" {
		return nil, what
	}
	lines := strings.Split(said, "\n")
	return nil, fmt.Errorf("%w\n%s", what, strings.Join(lines[max(0, len(lines)-12):], "\n"))
}
