package plan

import (
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestAddressPattern compares the expression with what it stands for, at the edges of every prefix and at random.
func TestAddressPattern(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 400 {
		prefixes := []netip.Prefix{randomPrefix(r), randomPrefix(r)}
		text := addressPattern(prefixes)
		if strings.Contains(text, `\`) {
			t.Fatalf("%s has a backslash", text)
		}
		pattern := regexp.MustCompile(text)
		for _, addr := range probes(r, prefixes) {
			want := prefixes[0].Contains(addr) || prefixes[1].Contains(addr)
			printed := netip.AddrPortFrom(addr, uint16(r.Uint32())).String()
			if got := pattern.MatchString(printed); got != want {
				t.Fatalf("%v: %s matches %s: %t, want %t", prefixes, text, printed, got, want)
			}
		}
	}
}

// TestOctetRange tries every range of an octet against every number.
func TestOctetRange(t *testing.T) {
	for bits := 1; bits < 8; bits++ {
		size := 1 << (8 - bits)
		for low := 0; low < 256; low += size {
			pattern := regexp.MustCompile("^" + octetRange(low, low+size-1) + "$")
			for n := range 256 {
				want := low <= n && n < low+size
				if got := pattern.MatchString(netip.AddrFrom4([4]byte{byte(n)}).String()[:digits(n)]); got != want {
					t.Fatalf("%s matches %d: %t, want %t", pattern, n, got, want)
				}
			}
		}
	}
}

func TestAddressPatternOfDefaultRanges(t *testing.T) {
	prefixes := []netip.Prefix{
		netip.MustParsePrefix("10.96.0.0/12"), netip.MustParsePrefix("240.240.0.0/16"),
		netip.MustParsePrefix("192.0.2.7/32"), netip.MustParsePrefix("2001:2::/48"),
	}
	want := "^(10[.](9[6-9]|10[0-9]|11[0-1])[.]|240[.]240[.]|192[.]0[.]2[.]7:)"
	if got := addressPattern(prefixes); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestCompactPrefixes(t *testing.T) {
	var in, want []netip.Prefix
	for _, s := range strings.Fields("10.97.0.0/16 240.240.0.0/16 10.96.0.0/12 10.96.0.5/32 192.0.2.7/32 10.96.0.0/12 fd00::1/128 fd00::/64") {
		in = append(in, netip.MustParsePrefix(s))
	}
	in = append(in, netip.Prefix{}, netip.MustParsePrefix("192.0.2.7/31"))
	for _, s := range strings.Fields("10.96.0.0/12 192.0.2.6/31 240.240.0.0/16 fd00::/64") {
		want = append(want, netip.MustParsePrefix(s))
	}
	got := compactPrefixes(in)
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func digits(n int) int {
	switch {
	case n < 10:
		return 1
	case n < 100:
		return 2
	}
	return 3
}

func randomPrefix(r *rand.Rand) netip.Prefix {
	return netip.PrefixFrom(randomAddr(r), r.IntN(33)).Masked()
}

func randomAddr(r *rand.Rand) netip.Addr {
	n := r.Uint32()
	return netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
}

// probes are addresses around the edges of the prefixes, inside of them, and anywhere.
func probes(r *rand.Rand, prefixes []netip.Prefix) []netip.Addr {
	var out []netip.Addr
	for _, p := range prefixes {
		first, host := p.Addr().As4(), randomAddr(r).As4()
		inside, last := first, first
		for bit := p.Bits(); bit < 32; bit++ {
			mask := byte(0x80 >> (bit % 8))
			last[bit/8] |= mask
			inside[bit/8] |= host[bit/8] & mask
		}
		for _, addr := range []netip.Addr{netip.AddrFrom4(first), netip.AddrFrom4(inside), netip.AddrFrom4(last)} {
			out = append(out, addr)
			for _, near := range []netip.Addr{addr.Prev(), addr.Next()} {
				if near.IsValid() {
					out = append(out, near)
				}
			}
		}
	}
	for range 20 {
		out = append(out, randomAddr(r))
	}
	return out
}
