package components

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// Checkout is a copy of the source tree, from which the lab's own programs are built.
type Checkout struct {
	root  string
	cache string
}

// OpenCheckout opens the source tree at root, or searches it when root is empty: $LAZYXDS_REPO, then upwards from
// the running program, then upwards from the working directory.
func OpenCheckout(root string) (Checkout, error) {
	cache, err := cacheDir()
	if err != nil {
		return Checkout{}, err
	}
	if root == "" {
		root = os.Getenv("LAZYXDS_REPO")
	}
	if root != "" {
		root, err = filepath.Abs(root)
		if err != nil {
			return Checkout{}, fmt.Errorf("find the source tree: %w", err)
		}
		if !isCheckout(root) {
			return Checkout{}, fmt.Errorf("%s is not a LazyXDS source tree: it has no lab/components", root)
		}
		return Checkout{root: root, cache: cache}, nil
	}
	var starts []string
	if exe, err := os.Executable(); err == nil {
		starts = append(starts, filepath.Dir(exe))
	}
	if wd, err := os.Getwd(); err == nil {
		starts = append(starts, wd)
	}
	for _, dir := range starts {
		if root, ok := searchUp(dir); ok {
			return Checkout{root: root, cache: cache}, nil
		}
	}
	return Checkout{}, errors.New("no LazyXDS source tree found: name it with --repo or LAZYXDS_REPO")
}

// Root is the top folder of the source tree.
func (c Checkout) Root() string { return c.root }

// LazyXDS builds the controller from the source tree, at the path a running lab serves its image from.
func (c Checkout) LazyXDS(ctx context.Context, steps *Steps) (string, error) {
	return c.build(ctx, steps, ".", "lazyxds")
}

// Lazylab builds the lab's own command from the source tree: programs other than lazylab that start a lab need it
// for the lab's daemons.
func (c Checkout) Lazylab(ctx context.Context, steps *Steps) (string, error) {
	return c.build(ctx, steps, "lab", "lazylab")
}

// build runs the Go tool every time, since only it knows whether the tree has changed; with nothing new it takes
// less than a second.
func (c Checkout) build(ctx context.Context, steps *Steps, module, name string) (string, error) {
	out := c.output(name)
	unlock, err := lock(ctx, out+".lock")
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	defer unlock()
	done := steps.Start("build " + name)
	// Compiled like any build or test of the tree, so that what those have compiled is used again.
	err = runGo(ctx, c.dir(module), "build", "-buildvcs=false", "-ldflags", "-s -w", "-o", out, "./cmd/"+name)
	done(err)
	if err != nil {
		return "", fmt.Errorf("build %s: %w", name, err)
	}
	return out, nil
}

// output is where a program of this tree is built; trees at different places do not share it.
func (c Checkout) output(name string) string {
	sum := sha256.Sum256([]byte(c.root))
	return filepath.Join(c.cache, "trees", fmt.Sprintf("%x", sum[:6]), name)
}

func (c Checkout) dir(rel string) string { return filepath.Join(c.root, rel) }

func isCheckout(dir string) bool {
	_, modErr := os.Stat(filepath.Join(dir, "lab", "go.mod"))
	_, compErr := os.Stat(filepath.Join(dir, "lab", "components"))
	return modErr == nil && compErr == nil
}

func searchUp(dir string) (string, bool) {
	for {
		if isCheckout(dir) {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}
