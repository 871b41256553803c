package components

import (
	"context"
	"fmt"
	"io"
)

// Istioctl makes the part of Istio's command line available that analyzes configuration, and returns its path; [Ensure] does
// not build it. Whatever line a lab runs, it is of the oldest that LazyXDS supports.
func Istioctl(ctx context.Context, repo string, out io.Writer) (string, error) {
	b, err := newBuilder(ctx, repo, out)
	if err != nil {
		return "", err
	}
	path, err := b.program(ctx, program{module: "istioctl", name: "istioctl", tags: "vtprotobuf,disable_pgv"})
	if err != nil {
		return "", fmt.Errorf("build istioctl: %w", err)
	}
	return path, nil
}
