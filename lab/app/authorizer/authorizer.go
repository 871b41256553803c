// Package authorizer is an external authorizer for Envoy: it lets callers in by the identity that the server saw.
package authorizer

import (
	"context"
	"strings"

	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	authv3 "github.com/envoyproxy/go-control-plane/envoy/service/auth/v3"
	typev3 "github.com/envoyproxy/go-control-plane/envoy/type/v3"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// NewServer returns an authorizer that lets callers have the path called like their service account, and tells others as whom
// the server saw them.
func NewServer() *grpc.Server {
	server := grpc.NewServer()
	authv3.RegisterAuthorizationServer(server, authorizer{})
	return server
}

type authorizer struct {
	authv3.UnimplementedAuthorizationServer
}

// Check decides on one request.
func (authorizer) Check(_ context.Context, request *authv3.CheckRequest) (*authv3.CheckResponse, error) {
	attributes := request.GetAttributes()
	principal := attributes.GetSource().GetPrincipal()
	if _, account, ok := strings.Cut(principal, "/sa/"); ok && attributes.GetRequest().GetHttp().GetPath() == "/"+account {
		return &authv3.CheckResponse{Status: status.New(codes.OK, "").Proto()}, nil
	}
	return &authv3.CheckResponse{
		Status: status.New(codes.PermissionDenied, "").Proto(),
		HttpResponse: &authv3.CheckResponse_DeniedResponse{DeniedResponse: &authv3.DeniedHttpResponse{
			Status:  &typev3.HttpStatus{Code: typev3.StatusCode_Forbidden},
			Headers: []*corev3.HeaderValueOption{{Header: &corev3.HeaderValue{Key: "content-type", Value: "text/plain"}}},
			Body:    "the authorizer refuses " + principal + "\n",
		}},
	}, nil
}
