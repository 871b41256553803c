package accesslog

import (
	"net/netip"
	"strings"

	"github.com/lazyxds/lazyxds/internal/mesh"
)

// maxHost is the longest name DNS allows.
const maxHost = 253

// maxAuthority leaves room for user information and a port around the host.
const maxAuthority = 512

// authorityHost returns the host in an :authority or Host header: a name in lower case without trailing dot, or an
// address in its shortest form. It returns "" for what can name no service.
func authorityHost(authority string) string {
	if len(authority) > maxAuthority {
		return ""
	}
	host := authority[strings.LastIndexByte(authority, '@')+1:]
	if bracketed, ok := strings.CutPrefix(host, "["); ok {
		inner, _, closed := strings.Cut(bracketed, "]")
		if !closed {
			return ""
		}
		return addressText(inner)
	}
	if strings.Count(host, ":") > 1 {
		return addressText(host)
	}
	host, _, _ = strings.Cut(host, ":")
	if text := addressText(host); text != "" {
		return text
	}
	name, ok := dnsName(host)
	if !ok {
		return ""
	}
	return name
}

// addressText normalizes an address, so that equal ones read alike; "" if s is none.
func addressText(s string) string {
	addr, err := netip.ParseAddr(s)
	if err != nil || addr.Zone() != "" {
		return ""
	}
	return addr.Unmap().String()
}

// registryHost reads a host as Istio's registry writes it: a DNS name, which may begin with "*.".
func registryHost(s string) (mesh.Host, bool) {
	rest, wild := strings.CutPrefix(s, "*.")
	name, ok := dnsName(rest)
	if !ok {
		return "", false
	}
	if wild {
		name = "*." + name
	}
	return mesh.Host(name), len(name) <= maxHost
}

// dnsName puts a DNS name into lower case without its trailing dot, and reports whether it is one. Underscores pass, for
// clients use them although host names may not.
func dnsName(s string) (string, bool) {
	s = strings.TrimSuffix(s, ".")
	if s == "" || len(s) > maxHost {
		return "", false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return "", false
		}
		for i := range len(label) {
			if !isHostByte(label[i]) {
				return "", false
			}
		}
	}
	return strings.ToLower(s), true
}

func isHostByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '-' || b == '_'
}
