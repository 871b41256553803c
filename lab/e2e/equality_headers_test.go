package e2e

import (
	"slices"
	"strings"
	"testing"
)

// What clients say of themselves, and odd names and paths, arrive as in full scope, on a port that the client's sidecar has no listener
// for (8090) and on one that it has (8080).
func TestEqualHeaders(t *testing.T) {
	t.Parallel()
	services, cases := []string{echo("srv", "v1"), service("known", "srv", "http:8080")}, []equal{{name: "known", script: `curl -sS http://known:8080`}}
	for name, request := range map[string]string{
		"path":      `--path-as-is 'URL//a/./b/../c%2Fd/%2e%2e/e;f?x=%20&y#z'`,
		"forwarded": `-H 'X-Forwarded-For: 192.0.2.1' -H 'X-Forwarded-Proto: https' -H 'X-Forwarded-Host: elsewhere' -H 'Via: 1.1 me' URL`,
		"envoy": `-H 'X-Envoy-Attempt-Count: 7' -H 'X-Envoy-Internal: true' -H 'X-Envoy-External-Address: 192.0.2.1' ` +
			`-H 'X-Envoy-Original-Path: /x' -H 'X-Envoy-Decorator-Operation: x' URL`,
		"deadline":  `-H 'X-Envoy-Upstream-Rq-Timeout-Ms: 300' 'URL?delay=3s'`,
		"retry":     `-H 'X-Envoy-Retry-On: 5xx' -H 'X-Envoy-Max-Retries: 2' 'URL?status=503'`,
		"under":     `-H 'X_Under_Score: 1' URL`,
		"dot":       `-H 'Host: dot.NS.svc.cluster.local.' URL`,
		"host":      `-H 'Host: nobody.example.com' URL`,
		"continued": `-H 'Expect: 100-continue' -d a=b URL`,
		"options":   `-X OPTIONS --request-target '*' URL`,
		"absolute":  `-x URL http://absolute.example.com/`,
		"large":     `-H "X-Large: $(head -c 50000 /dev/zero | tr '\0' x)" URL -o /dev/null -w '%{http_code}'`,
	} {
		for _, port := range []string{"8090", "8080"} {
			service := service(name+port, "srv", "http:"+port+":8080")
			services = append(services, service)
			cases = append(cases, equal{
				name: name + port,
				// No route takes "*": where the client's sidecar has a listener, it answers by itself.
				fromStart: name == "options",
				script:    "curl -sSi -m 10 " + strings.ReplaceAll(request, "URL", "http://"+name+port+":"+port+"/"),
			})
		}
	}
	slices.SortFunc(cases[1:], func(a, b equal) int { return strings.Compare(a.name, b.name) })
	newEqualWorld(t, services...).equalities(cases)
}
