package cluster

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Kubectl runs kubectl with stdin and returns what it printed; the error of a failed command ends with its stderr.
func (l *Lab) Kubectl(ctx context.Context, stdin string, args ...string) (string, error) {
	cmd := l.KubectlCommand(ctx, args...)
	cmd.Stdin = strings.NewReader(stdin)
	return run(cmd)
}

// KubectlCommand prepares kubectl for this lab.
func (l *Lab) KubectlCommand(ctx context.Context, args ...string) *exec.Cmd {
	return l.command(ctx, l.state.Kubectl, args)
}

// Apply applies Kubernetes or Istio objects, each document one or more of them as YAML.
func (l *Lab) Apply(ctx context.Context, documents ...string) error {
	_, err := l.Kubectl(ctx, strings.Join(documents, "\n---\n"), "apply", "--filename", "-")
	return err
}

// ApplyFile applies the objects of files, in their order.
func (l *Lab) ApplyFile(ctx context.Context, namespace string, files ...string) error {
	args := []string{"apply", "--namespace", namespace}
	for _, file := range files {
		args = append(args, "--filename", file)
	}
	_, err := l.Kubectl(ctx, "", args...)
	return err
}

// helm runs Helm on the system namespace.
func (l *Lab) helm(ctx context.Context, args ...string) (string, error) {
	return run(l.command(ctx, l.state.Helm, append(args, "--namespace", SystemNamespace)))
}

// command prepares a client program: it talks to this lab and keeps its own files in the lab's folder.
func (l *Lab) command(ctx context.Context, path string, args []string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, path, args...)
	scratch := filepath.Join(l.dir(), "clients")
	cmd.Env = append(os.Environ(),
		"KUBECONFIG="+l.Kubeconfig(), "KUBECACHEDIR="+filepath.Join(scratch, "kubectl"),
		"HELM_CACHE_HOME="+filepath.Join(scratch, "helm"), "HELM_CONFIG_HOME="+filepath.Join(scratch, "helm"),
		"HELM_DATA_HOME="+filepath.Join(scratch, "helm"),
	)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

func run(cmd *exec.Cmd) (string, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		what := strings.Join(cmd.Args[1:min(len(cmd.Args), 4)], " ")
		return stdout.String(), fmt.Errorf("%s %s: %w: %s", filepath.Base(cmd.Path), what, err, strings.TrimSpace(stderr.String()))
	}
	return stdout.String(), nil
}
