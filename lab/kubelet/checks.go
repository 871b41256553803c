package kubelet

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// probeClient asks HTTP probes. Each has a connection of its own, and certificates are not looked at, as on a node.
var probeClient = &http.Client{Transport: &http.Transport{
	DisableKeepAlives: true,
	TLSClientConfig:   &tls.Config{InsecureSkipVerify: true}, //nolint:gosec // what a kubelet does
}}

// check asks once. The kubelet is in the node's network namespace, so that it asks as a node does.
func (c *container) check(ctx context.Context, spec *corev1.Probe) error {
	timeout := time.Duration(max(spec.TimeoutSeconds, 1)) * time.Second
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	switch {
	case spec.HTTPGet != nil:
		return c.checkHTTP(ctx, spec.HTTPGet)
	case spec.TCPSocket != nil:
		return c.checkTCP(ctx, spec.TCPSocket)
	case spec.GRPC != nil:
		return c.checkGRPC(ctx, spec.GRPC)
	case spec.Exec != nil:
		return c.checkExec(ctx, spec.Exec)
	}
	return nil
}

func (c *container) checkHTTP(ctx context.Context, action *corev1.HTTPGetAction) error {
	address, err := c.address(action.Host, action.Port)
	if err != nil {
		return err
	}
	target, err := url.Parse(action.Path)
	if err != nil {
		return fmt.Errorf("probe path: %w", err)
	}
	target.Scheme, target.Host = strings.ToLower(string(action.Scheme)), address
	if target.Scheme == "" {
		target.Scheme = "http"
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	request.Header.Set("User-Agent", "kube-probe/lab")
	for _, header := range action.HTTPHeaders {
		if http.CanonicalHeaderKey(header.Name) == "Host" {
			request.Host = header.Value
			continue
		}
		request.Header.Add(header.Name, header.Value)
	}
	response, err := probeClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)); err != nil {
		return err
	}
	if response.StatusCode < 200 || response.StatusCode >= 400 {
		return fmt.Errorf("HTTP probe failed with statuscode: %d", response.StatusCode)
	}
	return nil
}

func (c *container) checkTCP(ctx context.Context, action *corev1.TCPSocketAction) error {
	address, err := c.address(action.Host, action.Port)
	if err != nil {
		return err
	}
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

func (c *container) checkGRPC(ctx context.Context, action *corev1.GRPCAction) error {
	address, err := c.address("", intstr.FromInt32(action.Port))
	if err != nil {
		return err
	}
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy())
	if err != nil {
		return err
	}
	defer conn.Close()
	request := &grpc_health_v1.HealthCheckRequest{}
	if action.Service != nil {
		request.Service = *action.Service
	}
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, request)
	if err != nil {
		return err
	}
	if answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("service unhealthy (responded with %q)", answer.GetStatus())
	}
	return nil
}

func (c *container) checkExec(ctx context.Context, action *corev1.ExecAction) error {
	cmd, err := c.command(ctx, action.Command)
	if err != nil {
		return err
	}
	return runQuietly(cmd)
}

// address is where a probe finds a port of the container, which may be given by its name.
func (c *container) address(host string, port intstr.IntOrString) (string, error) {
	if host == "" {
		host = c.pod.podIP()
	}
	number, err := portNumber(c.spec, port)
	if err != nil {
		return "", err
	}
	return net.JoinHostPort(host, strconv.Itoa(number)), nil
}

func portNumber(spec *corev1.Container, port intstr.IntOrString) (int, error) {
	if port.Type == intstr.Int {
		return port.IntValue(), nil
	}
	for _, p := range spec.Ports {
		if p.Name == port.StrVal {
			return int(p.ContainerPort), nil
		}
	}
	number, err := strconv.Atoi(port.StrVal)
	if err != nil {
		return 0, fmt.Errorf("container %s has no port %q", spec.Name, port.StrVal)
	}
	return number, nil
}
