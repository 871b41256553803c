package load

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/lazyxds/lazyxds/lab/app"
)

// maxLooked bounds how much of a body is kept to look into; the rest is read and dropped.
const maxLooked = 64 << 10

func newHTTP(cfg Config, target *url.URL) (send sender, closeAll func()) {
	transport := newTransport(cfg)
	client := &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	return func(ctx context.Context) Outcome {
		req, err := newRequest(ctx, cfg, target)
		if err != nil {
			return Outcome{Err: reason(err)}
		}
		resp, err := client.Do(req)
		if err != nil {
			return Outcome{Err: reason(err)}
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxLooked))
		if err == nil {
			_, err = io.Copy(io.Discard, resp.Body)
		}
		return outcomeOf(resp, body, err)
	}, transport.CloseIdleConnections
}

// newTransport never uses a proxy: the sidecar is the only one in the way.
func newTransport(cfg Config) *http.Transport {
	transport := &http.Transport{
		DisableKeepAlives:   !cfg.KeepAlive,
		MaxIdleConnsPerHost: max(cfg.Concurrency, 1),
		TLSClientConfig:     anyCertificate(),
		DisableCompression:  true,
		Protocols:           new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(!cfg.HTTP2)
	transport.Protocols.SetHTTP2(cfg.HTTP2)
	transport.Protocols.SetUnencryptedHTTP2(cfg.HTTP2)
	return transport
}

func newRequest(ctx context.Context, cfg Config, target *url.URL) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, err
	}
	req.Header = cfg.Headers.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if host := req.Header.Get("Host"); host != "" {
		req.Host = host
	}
	return req, nil
}

// outcomeOf judges an answer by its status, the calls behind it, and whether its body came to the end.
func outcomeOf(resp *http.Response, body []byte, readErr error) Outcome {
	o := Outcome{
		Err:      statusReason(resp.StatusCode, body),
		Peer:     resp.Header.Get(app.HeaderPeer),
		ServedBy: resp.Header.Get(app.HeaderServedBy),
	}
	if degraded := resp.Header.Values(app.HeaderDegraded); o.Err == "" && len(degraded) > 0 {
		o.Err = detailed("degraded", strings.Join(degraded, ", "))
	}
	if o.Err == "" && readErr != nil {
		o.Err = reason(readErr)
	}
	if o.ServedBy == "" {
		o.Peer = echoedPeer(body)
	}
	return o
}

// echoedPeer finds the peer where the server is not one of the lab's but, as httpbin's /headers does, echoes the
// request's headers.
func echoedPeer(body []byte) string {
	var echoed struct {
		Headers map[string]any `json:"headers"`
	}
	if json.Unmarshal(body, &echoed) != nil {
		return ""
	}
	switch cert := echoed.Headers[app.HeaderClientCert].(type) {
	case string:
		return app.Peer(cert)
	case []any:
		if len(cert) > 0 {
			first, _ := cert[0].(string)
			return app.Peer(first)
		}
	}
	return ""
}
