package e2e

import (
	"context"
	"testing"
)

// Where istiod makes sidecars accept HTTP/1.0, lazy ones do as well, on a port for which they have no listener yet (8090) and on one for
// which they have.
func TestEqualHTTP10(t *testing.T) {
	istiod := func(ctx context.Context, setting string) {
		for _, args := range [][]string{
			{"set", "env", "-n", "istio-system", "deploy/istiod", setting},
			{"rollout", "status", "-n", "istio-system", "deploy/istiod", "--timeout", patience.String()},
		} {
			if _, err := mesh.Kubectl(ctx, "", args...); err != nil {
				t.Fatal(err)
			}
		}
	}
	t.Cleanup(func() { istiod(context.Background(), "PILOT_HTTP10-") })
	istiod(t.Context(), "PILOT_HTTP10=true")
	w := newEqualWorld(t, echo("srv", "v1"), service("first", "srv", "http:8090:8080"), service("sniffed", "srv", "web:8091:8080"),
		service("known", "srv", "http:8080"), service("second", "srv", "http:8080"))
	const get = `curl -sSi -m 10 --http1.0 `
	w.equalities([]equal{
		{name: "first", script: get + `http://first:8090 && ` + get + `-H 'Connection: keep-alive' -d a=b http://first:8090`, want: `"srv"`},
		{name: "sniffed", script: get + `http://sniffed:8091`, want: `"srv"`},
		{name: "known", script: get + `http://known:8080`, want: `"srv"`},
		{name: "second", script: get + `http://second:8080`, want: `"srv"`},
	})
}
