package plan

import (
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// compactPrefixes sorts prefixes and drops what another one covers.
func compactPrefixes(in []netip.Prefix) []netip.Prefix {
	sorted := make([]netip.Prefix, 0, len(in))
	for _, p := range in {
		if p.IsValid() {
			sorted = append(sorted, p.Masked())
		}
	}
	slices.SortFunc(sorted, netip.Prefix.Compare)
	var out []netip.Prefix
	for _, p := range sorted {
		// A covering prefix sorts before all that it covers.
		if len(out) == 0 || !covers(out[len(out)-1], p) {
			out = append(out, p)
		}
	}
	return out
}

func covers(outer, inner netip.Prefix) bool {
	return outer.Bits() <= inner.Bits() && outer.Contains(inner.Addr())
}

func isIPv6(p netip.Prefix) bool { return p.Addr().Is6() }

// addressPattern is a regular expression that an IPv4 "address:port", as Envoy prints it, matches exactly if the address
// lies in one of the prefixes. Dots are written [.]: backslashes would not survive the layers of quoting it goes through.
// IPv6 prefixes are left out, because the compressed form hides where a group ends: "2001:2::1" and "2001:2:0:1::1" both lie
// in 2001:2::/48.
func addressPattern(prefixes []netip.Prefix) string {
	var alternatives []string
	for _, p := range prefixes {
		if p.Addr().Is4() {
			alternatives = append(alternatives, prefixPattern(p))
		}
	}
	return "^(" + strings.Join(alternatives, "|") + ")"
}

func prefixPattern(p netip.Prefix) string {
	octets := p.Addr().As4()
	whole, rest := p.Bits()/8, p.Bits()%8
	var b strings.Builder
	for i := range whole {
		b.WriteString(strconv.Itoa(int(octets[i])) + separator(i))
	}
	switch {
	case rest > 0:
		low := int(octets[whole])
		b.WriteString(octetRange(low, low|0xff>>rest) + separator(whole))
	case whole == 0:
		b.WriteString("[0-9]+[.]")
	}
	return b.String()
}

// separator is what follows octet i.
func separator(i int) string {
	if i == 3 {
		return ":"
	}
	return "[.]"
}

// octetRange matches the decimal numbers from low to high, both at most 255.
func octetRange(low, high int) string {
	var parts []string
	for low <= high {
		end := sameLength(low, high)
		parts = append(parts, tens(low, end)...)
		low = end + 1
	}
	return "(" + strings.Join(parts, "|") + ")"
}

// sameLength is the largest number up to high with as many digits as low.
func sameLength(low, high int) int {
	for _, limit := range []int{9, 99} {
		if low <= limit {
			return min(limit, high)
		}
	}
	return high
}

// tens matches the numbers from low to high, which have equally many digits, by a class for the last digit; decades that are
// complete and stand side by side within one hundred share a class for their tens.
func tens(low, high int) []string {
	var parts []string
	for low <= high {
		last := min(low/10*10+9, high)
		run := last
		if low%10 == 0 && last%10 == 9 {
			for run+10 <= high && (run+10)/100 == low/100 && low >= 10 {
				run += 10
			}
		}
		parts = append(parts, decades(low, run))
		low = run + 1
	}
	return parts
}

func decades(low, high int) string {
	if low/10 == high/10 {
		return lead(low/10) + class(low%10, high%10)
	}
	return lead(low/100) + class(low/10%10, high/10%10) + class(0, 9)
}

func lead(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func class(low, high int) string {
	if low == high {
		return strconv.Itoa(low)
	}
	return "[" + strconv.Itoa(low) + "-" + strconv.Itoa(high) + "]"
}
