package convert_test

import (
	"testing"

	"github.com/lazyxds/lazyxds/internal/convert"
)

func TestIstioVersion(t *testing.T) {
	tests := map[string]string{
		"docker.io/istio/pilot:1.29.1":                    "1.29.1",
		"docker.io/istio/pilot:1.31.0-rc.1-distroless":    "1.31.0",
		"registry:5000/istio/pilot:1.30":                  "1.30",
		"registry:5000/istio/pilot":                       "",
		"istio/pilot@sha256:0123":                         "",
		"istio/pilot:1.29.4@sha256:0123456789abcdef":      "1.29.4",
		"istio/pilot:latest":                              "",
		"istio/pilot:master.3f1b2c-2026-08-27T10-00-00":   "",
		"example.com/mirror/1.2.3/pilot:1.29.1-solo-fips": "1.29.1",
	}
	for image, want := range tests {
		if got := convert.IstioVersion(image); got != want {
			t.Errorf("IstioVersion(%q) = %q, want %q", image, got, want)
		}
	}
}

func TestOlderVersion(t *testing.T) {
	tests := []struct{ a, b, want string }{
		{"1.29.1", "1.31.0", "1.29.1"},
		{"1.29.10", "1.29.9", "1.29.9"},
		{"1.100", "1.29.1", "1.29.1"},
		{"", "1.29.1", "1.29.1"},
		{"1.29.1", "", "1.29.1"},
	}
	for _, tt := range tests {
		if got := convert.OlderVersion(tt.a, tt.b); got != tt.want {
			t.Errorf("OlderVersion(%q, %q) = %q, want %q", tt.a, tt.b, got, tt.want)
		}
	}
}
