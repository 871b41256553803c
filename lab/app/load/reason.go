package load

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"google.golang.org/grpc/status"
)

// maxDetail bounds how much of an answer's text goes into a reason.
const maxDetail = 120

// reason names an error in words that do not differ from one request to the next.
func reason(err error) string {
	if err == nil {
		return ""
	}
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case errors.As(err, &dns):
		return "dns: " + dns.Err
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "connection reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed):
		return "connection closed"
	}
	// The addresses in an OpError differ from one connection to the next.
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op.Err
	}
	if s, ok := status.FromError(err); ok {
		return detailed("grpc "+s.Code().String(), s.Message())
	}
	return detailed("error", err.Error())
}

// statusReason names an HTTP answer that is a failure; Envoy says in the body what it could not do.
func statusReason(code int, body []byte) string {
	if code < http.StatusBadRequest {
		return ""
	}
	return detailed(fmt.Sprintf("status %d", code), string(body))
}

func detailed(what, detail string) string {
	detail = strings.Join(strings.Fields(detail), " ")
	if detail == "" {
		return what
	}
	if len(detail) > maxDetail {
		detail = detail[:maxDetail] + "..."
	}
	return what + ": " + detail
}
