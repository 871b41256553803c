package authorizer

import (
	"strings"
	"testing"

	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	"google.golang.org/grpc/codes"
)

func TestCheck(t *testing.T) {
	for principal, want := range map[string]codes.Code{
		"spiffe://cluster.local/ns/a/sa/friend":    codes.OK,
		"spiffe://cluster.local/ns/a/sa/friendly":  codes.PermissionDenied,
		"spiffe://cluster.local/ns/friend/sa/else": codes.PermissionDenied,
		"": codes.PermissionDenied,
	} {
		response, err := authorizer{}.Check(t.Context(), &authv3.CheckRequest{Attributes: &authv3.AttributeContext{
			Source:  &authv3.AttributeContext_Peer{Principal: principal},
			Request: &authv3.AttributeContext_Request{Http: &authv3.AttributeContext_HttpRequest{Path: "/friend"}},
		}})
		if err != nil || codes.Code(response.GetStatus().GetCode()) != want {
			t.Errorf("%q: %v, %v, want %s", principal, response, err, want)
		}
		if body := response.GetDeniedResponse().GetBody(); want != codes.OK && !strings.Contains(body, "refuses "+principal+"\n") {
			t.Errorf("%q is told %q", principal, body)
		}
	}
}
