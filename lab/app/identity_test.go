package app

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestPeer(t *testing.T) {
	const caller = "spiffe://cluster.local/ns/demo/sa/client"
	tests := []struct{ name, cert, want string }{
		{"none", "", ""},
		{"one element", `By=spiffe://cluster.local/ns/a/sa/b;Hash=1f;Subject="";URI=` + caller, caller},
		{"subject with separators", `Hash=1f;Subject="CN=x,O=y;z";URI=` + caller, caller},
		{"escaped quote in subject", `Subject="CN=\",URI=spiffe://evil";URI=` + caller, caller},
		{"quoted value", `URI="` + caller + `"`, caller},
		{"last element is the immediate caller", `URI=spiffe://first,Hash=1f;URI=` + caller, caller},
		{"last element without identity", `URI=` + caller + `,Hash=1f`, ""},
		{"not a list of pairs", `;;=,;`, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Peer(tt.cert); got != tt.want {
				t.Errorf("Peer(%q) = %q, want %q", tt.cert, got, tt.want)
			}
		})
	}
}

func TestStamp(t *testing.T) {
	handler := Stamp(Identity{Name: "reviews", Version: "v2"}, http.NotFoundHandler())
	r := httptest.NewRequest(http.MethodGet, "/", nil)

	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if got := w.Header().Get(HeaderServedBy); got != "reviews/v2" {
		t.Errorf("served by %q, want reviews/v2", got)
	}
	if got, ok := w.Header()[HeaderPeer]; ok {
		t.Errorf("peer %q without a client certificate", got)
	}

	r.Header.Set(HeaderClientCert, "URI=spiffe://a")
	w = httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	if got := w.Header().Get(HeaderPeer); got != "spiffe://a" {
		t.Errorf("peer %q, want spiffe://a", got)
	}
}
