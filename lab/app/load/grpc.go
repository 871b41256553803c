package load

import (
	"context"
	"net/http"
	"net/url"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	pb "google.golang.org/grpc/interop/grpc_testing"
	"google.golang.org/grpc/metadata"

	"github.com/lazyxds/lazyxds/lab/app"
)

// newGRPC calls the unary method of gRPC's interoperability service.
func newGRPC(cfg Config, target *url.URL) (send sender, closeAll func(), err error) {
	call := func(ctx context.Context, conn *grpc.ClientConn) Outcome {
		var header metadata.MD
		_, err := pb.NewTestServiceClient(conn).UnaryCall(withMetadata(ctx, cfg.Headers), &pb.SimpleRequest{}, grpc.Header(&header))
		return grpcOutcome(header, err)
	}
	if !cfg.KeepAlive {
		return func(ctx context.Context) Outcome {
			conn, err := dialGRPC(target)
			if err != nil {
				return Outcome{Err: reason(err)}
			}
			defer conn.Close()
			return call(ctx, conn)
		}, func() {}, nil
	}
	conn, err := dialGRPC(target)
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context) Outcome { return call(ctx, conn) }, func() { conn.Close() }, nil
}

// dialGRPC hands the name to the dialer as it is, so that each new connection resolves it like any other client's.
func dialGRPC(target *url.URL) (*grpc.ClientConn, error) {
	return grpc.NewClient("passthrough:///"+target.Host,
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithNoProxy(), grpc.WithDisableServiceConfig())
}

func withMetadata(ctx context.Context, headers http.Header) context.Context {
	for name, values := range headers {
		for _, value := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, name, value)
		}
	}
	return ctx
}

func grpcOutcome(header metadata.MD, err error) Outcome {
	return Outcome{Err: reason(err), Peer: firstOf(header, app.HeaderPeer), ServedBy: firstOf(header, app.HeaderServedBy)}
}

func firstOf(md metadata.MD, name string) string {
	if values := md.Get(name); len(values) > 0 {
		return values[0]
	}
	return ""
}
