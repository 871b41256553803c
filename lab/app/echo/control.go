package echo

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// control is what a request's query parameters ask of the server.
type control struct {
	delay    time.Duration // before anything is answered
	status   int           // of the answer
	stream   time.Duration // send a line every so often for this long
	every    time.Duration
	size     int // answer this many bytes instead of the description
	trailers [][2]string
	calls    []string // URLs to call; the answers are nested into this one
	close    bool     // close the connection after the answer
	reset    bool     // hang up without an answer
}

// parseControl reads the query parameters delay, status, stream, every, size, trailer, call, close and reset.
func parseControl(query url.Values) (control, error) {
	c := control{
		close: query.Get("close") == "1",
		reset: query.Get("reset") == "1",
		calls: query["call"],
		every: time.Second,
		size:  -1,
	}
	for name, to := range map[string]*time.Duration{"delay": &c.delay, "stream": &c.stream, "every": &c.every} {
		if err := parseDuration(query, name, to); err != nil {
			return control{}, err
		}
	}
	if err := parseNumber(query, "status", http.StatusOK, 999, &c.status); err != nil {
		return control{}, err
	}
	if err := parseNumber(query, "size", 0, 1<<30, &c.size); err != nil {
		return control{}, err
	}
	for _, trailer := range query["trailer"] {
		key, value, ok := strings.Cut(trailer, ":")
		if !ok || key == "" {
			return control{}, fmt.Errorf("trailer %q is not KEY:VALUE", trailer)
		}
		c.trailers = append(c.trailers, [2]string{key, value})
	}
	return c, nil
}

func parseDuration(query url.Values, name string, to *time.Duration) error {
	if !query.Has(name) {
		return nil
	}
	d, err := time.ParseDuration(query.Get(name))
	if err != nil {
		return fmt.Errorf("parameter %s: %w", name, err)
	}
	if d <= 0 {
		return fmt.Errorf("parameter %s: %s is not above zero", name, d)
	}
	*to = d
	return nil
}

func parseNumber(query url.Values, name string, low, high int, to *int) error {
	if !query.Has(name) {
		return nil
	}
	n, err := strconv.Atoi(query.Get(name))
	if err != nil {
		return fmt.Errorf("parameter %s: %w", name, err)
	}
	if n < low || n > high {
		return fmt.Errorf("parameter %s: %d is not in %d to %d", name, n, low, high)
	}
	*to = n
	return nil
}
