package echo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// Call is the outcome of a call that a request told the server to make.
type Call struct {
	URL    string          `json:"url"`
	Status int             `json:"status,omitempty"`
	Error  string          `json:"error,omitempty"`
	Answer json.RawMessage `json:"answer,omitempty"`
}

// maxNested bounds how much of a called service's answer is nested.
const maxNested = 1 << 20

// callAll calls each URL in turn and reports whether any failed.
func callAll(r *http.Request, client *http.Client, urls []string) (calls []Call, failed bool) {
	for _, url := range urls {
		call := Call{URL: url}
		if err := call.make(r, client); err != nil {
			call.Error = err.Error()
			failed = true
		}
		calls = append(calls, call)
	}
	return calls, failed
}

func (c *Call) make(r *http.Request, client *http.Client) error {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, c.URL, nil)
	if err != nil {
		return err
	}
	for name, values := range r.Header {
		if isTraceHeader(name) {
			req.Header[name] = values
		}
	}
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	c.Status = resp.StatusCode
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxNested))
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	if c.Answer, err = asJSON(body); err != nil {
		return err
	}
	if resp.StatusCode >= http.StatusBadRequest {
		return errors.New(resp.Status)
	}
	return nil
}

// asJSON keeps a JSON answer as it is and makes a JSON string of any other.
func asJSON(body []byte) (json.RawMessage, error) {
	if json.Valid(body) {
		return body, nil
	}
	return json.Marshal(string(body))
}

// isTraceHeader tells the headers that tie the spans of one request together.
func isTraceHeader(name string) bool {
	name = strings.ToLower(name)
	return name == "x-request-id" || name == "traceparent" || name == "tracestate" || name == "b3" ||
		strings.HasPrefix(name, "x-b3-")
}
