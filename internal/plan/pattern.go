package plan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// pattern is a "namespace/host" that a user wants in scopes, or kept out of them; either part may be "*".
type pattern struct {
	namespace string
	host      mesh.Host
}

// wellFormed is what the API server accepts too, unless someone took the schema away.
var wellFormed = regexp.MustCompile(
	`^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)/(\*|(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$`)

// parsePatterns returns the patterns of a field that make sense, and an error that names the first that does not.
func parsePatterns(field string, in []string) ([]wanted, error) {
	var out []wanted
	var err error
	for _, s := range in {
		p, ok := parsePattern(s)
		if !ok {
			if err == nil {
				err = fmt.Errorf("%s: %q is not \"namespace/host\"", field, s)
			}
			continue
		}
		out = append(out, wanted{p, field})
	}
	return out, err
}

func parsePattern(s string) (pattern, bool) {
	namespace, host, _ := strings.Cut(s, "/")
	return pattern{namespace, mesh.Host(host)}, wellFormed.MatchString(s)
}

func (p pattern) covers(namespace string, host mesh.Host) bool {
	return (p.namespace == "*" || p.namespace == namespace) && p.host.Matches(host)
}

// exact tells whether the pattern names one host of one namespace.
func (p pattern) exact() bool { return p.namespace != "*" && !isWildcard(p.host) }
