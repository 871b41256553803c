package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	utilexec "k8s.io/client-go/util/exec"
)

// Output is what a command in a container gave.
type Output struct {
	Stdout, Stderr string
	// Code is the command's exit code.
	Code int
}

// Exec runs a command in a container. A command that fails is no error: see [Output.Code].
func (l *Lab) Exec(ctx context.Context, t Target, command ...string) (Output, error) {
	var stdout, stderr bytes.Buffer
	code, err := l.Stream(ctx, t, Streams{Stdout: &stdout, Stderr: &stderr}, command...)
	return Output{Stdout: stdout.String(), Stderr: stderr.String(), Code: code}, err
}

// Streams connects a command in a container with the caller; Stdin may be nil.
type Streams struct {
	Stdin          io.Reader
	Stdout, Stderr io.Writer
}

// Stream runs a command in a container with the caller's streams and returns its exit code.
func (l *Lab) Stream(ctx context.Context, t Target, s Streams, command ...string) (int, error) {
	pod, err := l.Pod(ctx, t)
	if err != nil {
		return 0, err
	}
	request := l.client.CoreV1().RESTClient().Post().Resource("pods").Namespace(t.Namespace).Name(pod.Name).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: t.container(pod), Command: command, Stdin: s.Stdin != nil, Stdout: true, Stderr: true,
		}, scheme.ParameterCodec)
	executor, err := remotecommand.NewSPDYExecutor(l.config, "POST", request.URL())
	if err != nil {
		return 0, fmt.Errorf("exec in %s: %w", t, err)
	}
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: s.Stdin, Stdout: s.Stdout, Stderr: s.Stderr})
	if exit, ok := errors.AsType[utilexec.CodeExitError](err); ok {
		return exit.Code, nil
	}
	if err != nil {
		return 0, fmt.Errorf("exec in %s: %w", t, err)
	}
	return 0, nil
}

// LogOptions choose from a container's log.
type LogOptions struct {
	// Follow keeps on until the container ends.
	Follow bool
	// Previous is the log of the container before its last restart.
	Previous bool
	// Tail is the number of lines from the end, all if zero.
	Tail int64
}

// Logs copies a container's log to w.
func (l *Lab) Logs(ctx context.Context, t Target, o LogOptions, w io.Writer) error {
	pod, err := l.Pod(ctx, t)
	if err != nil {
		return err
	}
	options := &corev1.PodLogOptions{Container: t.container(pod), Follow: o.Follow, Previous: o.Previous}
	if o.Tail > 0 {
		options.TailLines = &o.Tail
	}
	stream, err := l.client.CoreV1().Pods(t.Namespace).GetLogs(pod.Name, options).Stream(ctx)
	if err != nil {
		return fmt.Errorf("logs of %s: %w", t, err)
	}
	defer stream.Close()
	if _, err := io.Copy(w, stream); err != nil && ctx.Err() == nil {
		return fmt.Errorf("logs of %s: %w", t, err)
	}
	return nil
}
