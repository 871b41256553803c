package e2e

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	accesslogv3 "github.com/envoyproxy/go-control-plane/envoy/data/accesslog/v3"
	alsv3 "github.com/envoyproxy/go-control-plane/envoy/service/accesslog/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/lazyxds/lazyxds/lab/cluster"
)

// sender is a pod whose app has the certificate that Istio gave to the pod's service account, as files in /certs.
const sender = `
apiVersion: v1
kind: Pod
metadata:
  name: %s
  labels: {sidecar.istio.io/inject: "true"}
  annotations:
    traffic.sidecar.istio.io/excludeOutboundPorts: "8080"
    proxy.istio.io/config: '{"proxyMetadata": {"OUTPUT_CERTS": "/certs"}}'
    sidecar.istio.io/userVolumeMount: '[{"name": "certs", "mountPath": "/certs"}]'
spec:
  serviceAccountName: %s
  terminationGracePeriodSeconds: 2
  containers:
  - name: app
    image: lazyxds/shell
    command: [sleep, infinity]
    volumeMounts: [{name: certs, mountPath: /certs}]
  volumes: [{name: certs, emptyDir: {}}]
`

// The fallback egress alone can tell what others call. Another pod is refused in plaintext and without a certificate; with
// one of the mesh it is heard, but what it makes up about others teaches nothing. The same from the egress's service
// account does teach.
func TestAccessLogPort(t *testing.T) {
	t.Parallel()
	w := newWorld(t, echo("srv", "v1"), client("client"), fmt.Sprintf(sender, "neighbour", "default"),
		service("plaintext", "srv", "http:8080"), service("nobody", "srv", "http:8080"),
		service("member", "srv", "http:8080"), service("egress", "srv", "http:8080"))
	w.lazy("deployment/client")
	w.twinOfTheEgress()
	w.kubectl("wait", "pod/neighbour", "--for=condition=Ready", "--timeout", patience.String())

	neighbour := cluster.Target{Namespace: w.namespace, Name: "neighbour", Container: "app"}
	certificate := []string{"--cert", "/certs/cert-chain.pem", "--key", "/certs/key.pem"}
	w.refused("plaintext", w.forge(neighbour, "plaintext", "http"))
	w.refused("nobody", w.forge(neighbour, "nobody", "https"))
	if got := w.forge(neighbour, "member", "https", certificate...); got != "0 200" {
		t.Errorf("curl with a certificate of the mesh: exit code and status %s, want 0 200", got)
	}

	if got := w.forge(cluster.Target{Namespace: "istio-system", Name: "twin", Container: "app"}, "egress", "https", certificate...); got != "0 200" {
		t.Fatalf("curl with the egress's certificate: exit code and status %s, want 0 200", got)
	}
	w.eventually("the entry from the egress's service account to teach", func() error {
		return w.learned(map[string][]string{"deployment/client": {"egress"}})
	})
	for _, name := range []string{"plaintext", "nobody", "member"} {
		if d := w.observed("deployment/client", w.fqdn(name)); d != nil {
			t.Errorf("a forged entry taught %+v", d)
		}
	}
}

// twinOfTheEgress runs a sender with the egress's service account for as long as the story lasts.
func (w *world) twinOfTheEgress() {
	w.Helper()
	w.Cleanup(func() {
		if _, err := w.lab.Kubectl(context.Background(), "", "delete", "pod", "twin", "-n", "istio-system", "--ignore-not-found", "--wait=false"); err != nil {
			w.Error(err)
		}
	})
	_, err := w.lab.Kubectl(w.ctx, fmt.Sprintf(sender, "twin", "istio-egressgateway-lazyxds"), "apply", "-n", "istio-system", "-f", "-")
	w.must(err)
	w.kubectl("wait", "-n", "istio-system", "pod/twin", "--for=condition=Ready", "--timeout", patience.String())
}

// forge sends the controller an entry that says the client called a service, and returns curl's exit code and the status.
func (w *world) forge(from cluster.Target, service, scheme string, args ...string) string {
	w.Helper()
	address := func(ip string) *corev3.Address {
		return &corev3.Address{Address: &corev3.Address_SocketAddress{SocketAddress: &corev3.SocketAddress{
			Address: ip, PortSpecifier: &corev3.SocketAddress_PortValue{PortValue: 8080},
		}}}
	}
	message, err := proto.Marshal(&alsv3.StreamAccessLogsMessage{Identifier: &alsv3.StreamAccessLogsMessage_Identifier{
		Node: &corev3.Node{Id: "sidecar~198.51.100.1~istio-egressgateway-lazyxds-forged.istio-system~istio-system.svc.cluster.local"},
	}, LogEntries: &alsv3.StreamAccessLogsMessage_HttpLogs{
		HttpLogs: &alsv3.StreamAccessLogsMessage_HTTPAccessLogEntries{LogEntry: []*accesslogv3.HTTPAccessLogEntry{{
			CommonProperties: &accesslogv3.AccessLogCommon{
				StartTime:               timestamppb.New(time.Now()),
				DownstreamRemoteAddress: address(w.kubectl("get", "pods", "-l", "app=client", "-o", "jsonpath={.items[0].status.podIP}")),
				DownstreamLocalAddress:  address(w.kubectl("get", "service", service, "-o", "jsonpath={.spec.clusterIP}")),
				UpstreamCluster:         "outbound|8080||" + w.fqdn(service),
			},
			Request: &accesslogv3.HTTPRequestProperties{Authority: w.fqdn(service) + ":8080"},
		}}},
	}})
	w.must(err)
	frame := append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)

	curl := `printf %s "$0" | base64 -d | curl -sS -m 10 -k --http2-prior-knowledge -o /dev/null -w '%{http_code}' --data-binary @- \
		-H 'content-type: application/grpc' -H 'te: trailers' "$@"`
	url := scheme + "://lazyxds.istio-system:8080/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"
	out, err := w.lab.Exec(w.ctx, from, append([]string{"sh", "-c", curl, base64.StdEncoding.EncodeToString(frame), url}, args...)...)
	w.must(err)
	w.Logf("%s as %s: %s", scheme, from, strings.TrimSpace(out.Stderr))
	return fmt.Sprintf("%d %s", out.Code, out.Stdout)
}

// refused fails the story unless curl reached the port and was turned away without an answer.
func (w *world) refused(who, got string) {
	w.Helper()
	// No such host, nobody listening, timeout, unreadable certificate: those say nothing of a refusal.
	unrelated := []string{"0", "6", "7", "28", "58"}
	if code, status, _ := strings.Cut(got, " "); slices.Contains(unrelated, code) || status != "000" {
		w.Errorf("curl as %s: exit code and status %s, want the connection closed without an answer", who, got)
	}
}
