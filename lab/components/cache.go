package components

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// cacheDir is $LAZYXDS_CACHE, or lazyxds in the user's cache folder.
func cacheDir() (string, error) {
	if dir := os.Getenv("LAZYXDS_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder, set LAZYXDS_CACHE: %w", err)
	}
	return filepath.Join(base, "lazyxds"), nil
}

// cached returns the file of the given name and key, made by make if the cache lacks it. Only one process makes it,
// the others wait; it appears under its name when it is complete.
func cached(ctx context.Context, cache, name, key string, make func(tmp string) error) (string, error) {
	path := filepath.Join(cache, "bin", key, name)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	unlock, err := lock(ctx, filepath.Join(cache, "bin", key+".lock"))
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	tmp, err := os.MkdirTemp(filepath.Join(cache, "bin"), ".new-")
	if err != nil {
		return "", fmt.Errorf("make a folder in the cache: %w", err)
	}
	defer os.RemoveAll(tmp)
	if err := make(filepath.Join(tmp, name)); err != nil {
		return "", err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return "", fmt.Errorf("open the cached %s to other users: %w", name, err)
	}
	// A folder without the program is what an interrupted clean-up leaves; nothing can be using it.
	if err := os.RemoveAll(filepath.Dir(path)); err != nil {
		return "", fmt.Errorf("clear the place of %s in the cache: %w", name, err)
	}
	if err := os.Rename(tmp, filepath.Dir(path)); err != nil {
		return "", fmt.Errorf("put %s into the cache: %w", name, err)
	}
	return path, nil
}

// lock takes the file lock at path, waiting for whoever holds it, and returns the function that gives it back.
func lock(ctx context.Context, path string) (func(), error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, fmt.Errorf("make a folder in the cache: %w", err)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open lock: %w", err)
	}
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("wait for another build (%s): %w", path, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
