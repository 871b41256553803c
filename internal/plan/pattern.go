package plan

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// pattern is a "namespace/host" of a WorkloadScope's include and exclude lists; either part may be "*".
type pattern struct {
	namespace string
	host      mesh.Host
}

// wellFormed is what the API server accepts too, unless someone took the schema away.
var wellFormed = regexp.MustCompile(
	`^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)/(\*|(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)$`)

// parsePatterns returns the patterns that make sense, and an error that names the first that does not.
func parsePatterns(field string, in []string) ([]pattern, error) {
	var out []pattern
	var err error
	for _, s := range in {
		if !wellFormed.MatchString(s) {
			if err == nil {
				err = fmt.Errorf("spec.%s: %q is not \"namespace/host\"", field, s)
			}
			continue
		}
		namespace, host, _ := strings.Cut(s, "/")
		out = append(out, pattern{namespace, mesh.Host(host)})
	}
	return out, err
}

func (p pattern) covers(namespace string, host mesh.Host) bool {
	return (p.namespace == "*" || p.namespace == namespace) && p.host.Matches(host)
}

// exact tells whether the pattern names one host of one namespace.
func (p pattern) exact() bool { return p.namespace != "*" && !isWildcard(p.host) }
