// Package app holds what the lab's applications share: who they are, who called them, and how they start and stop.
package app

import (
	"log/slog"
	"net/http"
	"os"
	"strings"
)

// Headers of every HTTP answer (and gRPC metadata of every gRPC answer), so that a client learns from the headers
// alone who answered and as whom it was seen.
const (
	// HeaderServedBy names the application that answered, as Identity.String.
	HeaderServedBy = "X-Served-By"
	// HeaderPeer is the SPIFFE id under which the server saw its caller; absent without mutual TLS.
	HeaderPeer = "X-Lab-Peer"
	// HeaderDegraded names the calls behind an answer that failed although the answer itself is a success.
	HeaderDegraded = "X-Lab-Degraded"
	// HeaderClientCert is Envoy's description of the caller's certificate.
	HeaderClientCert = "X-Forwarded-Client-Cert"
)

// Identity is the name and version that an application gives in its answers.
type Identity struct {
	Name    string
	Version string
}

// String is "name/version", or the name alone where there is no version.
func (id Identity) String() string {
	if id.Version == "" {
		return id.Name
	}
	return id.Name + "/" + id.Version
}

// Stamp adds HeaderServedBy and HeaderPeer to every answer of next.
func Stamp(id Identity, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set(HeaderServedBy, id.String())
		if peer := Peer(r.Header.Get(HeaderClientCert)); peer != "" {
			w.Header().Set(HeaderPeer, peer)
		}
		next.ServeHTTP(w, r)
	})
}

// Peer returns the SPIFFE id of the immediate caller from an X-Forwarded-Client-Cert value, "" if it has none.
// Envoy appends the immediate caller as the last element.
func Peer(clientCert string) string {
	elements := splitUnquoted(clientCert, ',')
	for _, field := range splitUnquoted(elements[len(elements)-1], ';') {
		key, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		if strings.EqualFold(key, "URI") {
			return strings.Trim(value, `"`)
		}
	}
	return ""
}

// splitUnquoted splits s at sep outside of double quotes: certificate subjects hold commas.
func splitUnquoted(s string, sep rune) []string {
	quoted := false
	var parts []string
	start := 0
	for i, c := range s {
		switch {
		case c == '"' && (i == 0 || s[i-1] != '\\'):
			quoted = !quoted
		case c == sep && !quoted:
			parts = append(parts, s[start:i])
			start = i + 1
		}
	}
	return append(parts, s[start:])
}

// Hostname is the pod's name: the HOSTNAME variable that a kubelet sets, else the host's name.
func Hostname() string {
	if name := os.Getenv("HOSTNAME"); name != "" {
		return name
	}
	name, err := os.Hostname()
	if err != nil {
		slog.Warn("read host name", "error", err)
	}
	return name
}
