package echo

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	"github.com/lazyxds/lazyxds/lab/app"
)

// NewGRPCServer returns the gRPC server of an echo application: gRPC's own interoperability service (grpc.testing.TestService),
// health and reflection. Every answer's header metadata names the server and the peer.
func NewGRPCServer(id app.Identity) *grpc.Server {
	server := grpc.NewServer(
		grpc.UnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			if err := grpc.SetHeader(ctx, stamp(ctx, id)); err != nil {
				return nil, err
			}
			return next(ctx, req)
		}),
		grpc.StreamInterceptor(func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			if err := ss.SetHeader(stamp(ss.Context(), id)); err != nil {
				return err
			}
			return next(srv, ss)
		}),
	)
	pb.RegisterTestServiceServer(server, &testService{id: id})
	healthpb.RegisterHealthServer(server, health.NewServer())
	reflection.Register(server)
	return server
}

// stamp is the gRPC twin of app.Stamp.
func stamp(ctx context.Context, id app.Identity) metadata.MD {
	md := metadata.Pairs(strings.ToLower(app.HeaderServedBy), id.String())
	if certs := metadata.ValueFromIncomingContext(ctx, app.HeaderClientCert); len(certs) > 0 {
		if peer := app.Peer(certs[0]); peer != "" {
			md.Set(app.HeaderPeer, peer)
		}
	}
	return md
}

type testService struct {
	pb.UnimplementedTestServiceServer
	id app.Identity
}

// EmptyCall answers with nothing.
func (*testService) EmptyCall(context.Context, *pb.Empty) (*pb.Empty, error) { return &pb.Empty{}, nil }

// UnaryCall returns the request's payload, or the status that the request asks for.
func (s *testService) UnaryCall(_ context.Context, req *pb.SimpleRequest) (*pb.SimpleResponse, error) {
	if err := wanted(req.GetResponseStatus()); err != nil {
		return nil, err
	}
	return &pb.SimpleResponse{Payload: req.GetPayload(), ServerId: s.id.String(), Hostname: app.Hostname()}, nil
}

// StreamingOutputCall sends payloads of the sizes and at the intervals that the request asks for.
func (*testService) StreamingOutputCall(
	req *pb.StreamingOutputCallRequest, out grpc.ServerStreamingServer[pb.StreamingOutputCallResponse],
) error {
	return sendAll(out.Context(), req, out.Send)
}

// FullDuplexCall treats each message of the client as StreamingOutputCall does; without parameters it returns the payload.
func (*testService) FullDuplexCall(
	both grpc.BidiStreamingServer[pb.StreamingOutputCallRequest, pb.StreamingOutputCallResponse],
) error {
	for {
		req, err := both.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if len(req.GetResponseParameters()) == 0 {
			err = both.Send(&pb.StreamingOutputCallResponse{Payload: req.GetPayload()})
		} else {
			err = sendAll(both.Context(), req, both.Send)
		}
		if err != nil {
			return err
		}
	}
}

func sendAll(
	ctx context.Context, req *pb.StreamingOutputCallRequest, send func(*pb.StreamingOutputCallResponse) error,
) error {
	if err := wanted(req.GetResponseStatus()); err != nil {
		return err
	}
	for _, p := range req.GetResponseParameters() {
		if !wait(ctx, time.Duration(p.GetIntervalUs())*time.Microsecond) {
			return ctx.Err()
		}
		size := min(max(p.GetSize(), 0), 1<<20)
		if err := send(&pb.StreamingOutputCallResponse{Payload: &pb.Payload{Body: make([]byte, size)}}); err != nil {
			return err
		}
	}
	return nil
}

// wanted is the error that the request asks for, if any.
func wanted(s *pb.EchoStatus) error {
	if s == nil || codes.Code(s.GetCode()) == codes.OK {
		return nil
	}
	return status.Error(codes.Code(s.GetCode()), s.GetMessage())
}
