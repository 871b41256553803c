package cluster

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lazyxds/lazyxds/lab/components"
)

// release is the name of LazyXDS's Helm release.
const release = "lazyxds"

// deployments are those of the chart; their pods' label app has the same values.
var deployments = []string{"istio-egressgateway-lazyxds", "lazyxds"}

// Install builds LazyXDS from the lab's source tree and installs it by its chart, or upgrades what is installed;
// args are further arguments for helm, such as --set k=v. It returns when its Deployments are available.
func (l *Lab) Install(ctx context.Context, progress io.Writer, args ...string) error {
	checkout, err := components.OpenCheckout(l.state.Repo)
	if err != nil {
		return err
	}
	program, err := checkout.LazyXDS(ctx, components.NewSteps(progress))
	if err != nil {
		return err
	}
	digest, err := digestOf(program)
	if err != nil {
		return fmt.Errorf("install lazyxds: %w", err)
	}
	line, err := components.LineByName(l.state.Istio)
	if err != nil {
		return err
	}
	chart := filepath.Join(checkout.Root(), "charts", "lazyxds")
	install := []string{"upgrade", "--install", release, chart, "--set", "istio.tag=" + line.IstioVersion, "--set", "image.digest=" + digest}
	if _, err := l.helm(ctx, append(install, args...)...); err != nil {
		return fmt.Errorf("install lazyxds: %w", err)
	}
	for _, deployment := range deployments {
		if err := l.WaitDeployment(ctx, SystemNamespace, deployment, 2*time.Minute); err != nil {
			return fmt.Errorf("install lazyxds: %w", err)
		}
	}
	return nil
}

// digestOf is the digest of an image that consists of a program: pods are replaced when the program is another.
func digestOf(program string) (string, error) {
	file, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer file.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", fmt.Errorf("read %s: %w", program, err)
	}
	return fmt.Sprintf("sha256:%x", sum.Sum(nil)), nil
}

// Uninstall removes LazyXDS by its chart and waits for its pods to be gone, which drain their connections first.
func (l *Lab) Uninstall(ctx context.Context) error {
	if _, err := l.helm(ctx, "uninstall", release, "--ignore-not-found", "--wait", "--timeout", "2m"); err != nil {
		return fmt.Errorf("uninstall lazyxds: %w", err)
	}
	selector := "app in (" + strings.Join(deployments, ",") + ")"
	if err := l.WaitPods(ctx, SystemNamespace, selector, 0, 2*time.Minute); err != nil {
		return fmt.Errorf("uninstall lazyxds: %w", err)
	}
	return nil
}
