package bookinfo

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/lazyxds/lazyxds/lab/app"
)

// forwarded are the request headers that a service hands on to those it calls: what ties a trace together, what
// routing rules match on, and credentials.
var forwarded = []string{
	"X-Request-Id", "Traceparent", "Tracestate", "Grpc-Trace-Bin",
	"B3", "X-B3-Traceid", "X-B3-Spanid", "X-B3-Parentspanid", "X-B3-Sampled", "X-B3-Flags",
	"X-Ot-Span-Context", "X-Cloud-Trace-Context", "X-Datadog-Trace-Id", "X-Datadog-Parent-Id", "Sw8",
	"End-User", "User-Agent", "Cookie", "Authorization", "Jwt",
}

// forward copies the forwarded headers of a request.
func forward(r *http.Request) http.Header {
	headers := http.Header{}
	for _, name := range forwarded {
		if values := r.Header.Values(name); len(values) > 0 {
			headers[name] = values
		}
	}
	return headers
}

// backend calls one other service.
type backend struct {
	base   string
	client *http.Client
}

// newBackend makes a connection for each call, as the sample does: so calls spread over a service's versions.
func newBackend(base string, timeout time.Duration) backend {
	return backend{base: base, client: &http.Client{
		Transport: &http.Transport{DisableKeepAlives: true},
		Timeout:   timeout,
	}}
}

// get reads the JSON answer at path into value. It returns the answer's status (500 if there was none) and what the
// answer says about calls that failed behind it.
func (b backend) get(ctx context.Context, path string, headers http.Header, value any) (int, string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.base+path, nil)
	if err != nil {
		return http.StatusInternalServerError, "", err
	}
	req.Header = headers
	resp, err := b.client.Do(req)
	if err != nil {
		return http.StatusInternalServerError, "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return resp.StatusCode, "", fmt.Errorf("get %s: %s", req.URL, resp.Status)
	}
	if err := json.NewDecoder(resp.Body).Decode(value); err != nil {
		return http.StatusInternalServerError, "", fmt.Errorf("read answer of %s: %w", req.URL, err)
	}
	return http.StatusOK, resp.Header.Get(app.HeaderDegraded), nil
}
