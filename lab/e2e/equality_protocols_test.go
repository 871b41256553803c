package e2e

import (
	"strings"
	"testing"
)

// Whatever is spoken, callers and servers of a lazy workload see what they see in full scope. What has a twin, marked 2, is spoken on
// a port for which the client's sidecar has no listener yet, and on one for which it has. HTTP/1.0 is refused by both, as Istio
// does by default.
func TestEqualProtocols(t *testing.T) {
	t.Parallel()
	named := strings.Replace(echo("named", "v1"), "image:", "ports: [{name: web, containerPort: 8080}]\n        image:", 1)
	w := newEqualWorld(t, echo("srv", "v1"), echo("other", "v1"), named,
		service("plain", "srv", "http:80:8080"),
		service("websocket", "srv", "http:8080"),
		service("http10", "srv", "http:8080"),
		service("upload", "srv", "http:8090:8080"),
		service("download", "srv", "http:8080"),
		service("trailers", "srv", "grpc:7070"),
		service("trailers1", "srv", "http:8080"),
		service("upgraded", "srv", "http:8080"),
		service("websocket2", "srv", "http:8080"),
		service("trailers2", "srv", "http2:8080:7070"),
		service("upload2", "srv", "http:8080"),
		service("abandoned", "srv", "http:8080"),
		service("reset", "srv", "http:8080"),
		service("closed", "srv", "http:8080"),
		service("status", "srv", "http:8080"),
		service("half", "srv", "tcp:9000"),
		service("greet", "srv", "tcp:9001"),
		service("refused", "srv", "tcp:9999"),
		service("sniffed", "srv", "web:8081:8080"),
		service("sniffed2", "srv", "web:8081:8080"),
		service("sniffedtcp", "srv", "db:9002:9000"),
		strings.Replace(service("appproto", "srv", "web:8082:8080"), "port:", "appProtocol: http, port:", 1),
		strings.Replace(service("appproto2", "srv", "web:8083:8080"), "port:", "appProtocol: kubernetes.io/h2c, port:", 1),
		strings.Replace(service("apptcp", "srv", "http-not:9003:9000"), "port:", "appProtocol: tcp, port:", 1),
		service("both", "srv", "http:8084:8080", "tcp:9004:9000"),
		service("named", "named", "http:80:web"),
		service("tls", "srv", "tls:443:8443"),
		service("https", "srv", "https:8443"),
		service("sni", "srv", "tls:444:8443"), service("sni-to", "other", "tls:444:8443"), `
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: sni}
spec:
  hosts: [sni.NS.svc.cluster.local]
  tls:
  - match: [{port: 444, sniHosts: [sni.NS.svc.cluster.local]}]
    route: [{destination: {host: sni-to.NS.svc.cluster.local}}]
`)
	const upgrade = `printf 'GET /ws HTTP/1.1\r\nHost: websocket:8080\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
		`Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n'; `
	const frames = `sleep 0.5; printf '\201\205\0\0\0\0hello'; sleep 0.5; printf '\210\200\0\0\0\0'; `
	const printable = `tr -cd '[:print:]\n'`
	const upload = `head -c 100000000 /dev/zero | curl -sS -m 60 -T - -H 'Transfer-Encoding: chunked' -w '%{http_code}\n' `
	const grpc = `printf '\0\0\0\0\0' | curl -sSi -m 10 --http2-prior-knowledge --data-binary @- -o /dev/stderr ` +
		`-H 'TE: trailers' -H 'Content-Type: application/grpc' `
	w.equalities([]equal{
		{name: "plain", script: `curl -sSi -m 10 -H 'X-Mine: 1' -d a=b 'http://plain/path?x=y'`, want: `"srv"`},
		{name: "websocket", script: `{ ` + upgrade + frames + `} | nc -w 5 websocket 8080 | ` + printable, want: "hello"},
		{name: "websocket2", want: "hello", script: `{ ` + strings.Replace(upgrade, "websocket:", "websocket2:", 1) + frames +
			`} | nc -w 5 websocket2 8080 | ` + printable},
		// Whether the client sees the end of the connection or its reset is a matter of luck.
		{name: "http10", script: `curl -si -m 10 --http1.0 http://http10:8080/ || echo no answer`, want: "no answer"},
		{name: "upload", script: upload + `http://upload:8090/`, want: `"bodySize": 100000000`},
		{name: "upload2", script: upload + `http://upload2:8080/`, want: `"bodySize": 100000000`},
		{name: "download", want: "200 104857600", script: `curl -sS -m 60 -D /dev/stderr -o /dev/null \
			-w "%{http_code} %{size_download}\n" "http://download:8080/?size=104857600"`},
		{name: "trailers", script: grpc + `http://trailers:7070/grpc.testing.TestService/EmptyCall`, want: "grpc-status: 0"},
		{name: "trailers2", script: grpc + `http://trailers2:8080/grpc.testing.TestService/EmptyCall`, want: "grpc-status: 0"},
		{name: "trailers1", script: `curl -sSi -m 10 -H 'TE: trailers' 'http://trailers1:8080/?trailer=X-Sum:42'`, want: `"srv"`},
		{name: "upgraded", script: `curl -sSi -m 10 --http2 'http://upgraded:8080/'`, want: `"srv"`},
		{name: "abandoned", script: `curl -si -m 1 'http://abandoned:8080/?delay=3s'`, want: "exit code 28"},
		{name: "reset", script: `curl -sSi -m 10 'http://reset:8080/?reset=1'`, want: "503"},
		{name: "closed", script: `curl -sSi -m 10 'http://closed:8080/?close=1'`, want: `"srv"`},
		{name: "status", script: `curl -sSi -m 10 'http://status:8080/?status=418' && curl -sSI -m 10 http://status:8080/`, want: "418"},
		{name: "half", script: `{ printf 'an open end'; sleep 0.5; } | nc -N -w 5 half 9000`, want: "srv: an open end"},
		{name: "greet", script: `{ echo ping; sleep 0.5; } | nc -N -w 5 greet 9001`, want: "hello from srv v1\nsrv: ping"},
		{name: "refused", script: `echo ping | nc -N -w 5 refused 9999`, want: "exit code"},
		{name: "sniffed", script: `curl -sSi -m 10 http://sniffed:8081/`, want: `"srv"`},
		{name: "sniffed2", script: `curl -sSi -m 10 --http2-prior-knowledge http://sniffed2:8081/`, want: `"srv"`},
		{name: "sniffedtcp", script: `{ echo ping; sleep 0.5; } | nc -N -w 5 sniffedtcp 9002`, want: "srv: ping"},
		{name: "appproto", script: `curl -sSi -m 10 http://appproto:8082/`, want: `"srv"`},
		{name: "appproto2", script: `curl -sSi -m 10 --http2-prior-knowledge http://appproto2:8083/`, want: `"srv"`},
		{name: "apptcp", script: `{ echo ping; sleep 0.5; } | nc -N -w 5 apptcp 9003`, want: "srv: ping"},
		{name: "both", script: `curl -sSi -m 10 http://both:8084/; { echo ping; sleep 0.5; } | nc -N -w 5 both 9004`, want: "srv: ping"},
		{name: "named", script: `curl -sSi -m 10 http://named/`, want: `"named"`},
		{name: "tls", script: `curl -sSik -m 10 https://tls/`, want: `"sni": "tls"`},
		{name: "https", script: `curl -sSik -m 10 --http1.1 https://https:8443/`, want: `"sni": "https"`},
		{name: "sni", script: `curl -sSik -m 10 https://sni.NS.svc.cluster.local:444/`, want: `"other"`},
	})
}
