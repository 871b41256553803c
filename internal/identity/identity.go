package identity

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

const (
	// minRetry and maxRetry bound how long the next attempt at a certificate waits after one that failed.
	minRetry = time.Second
	maxRetry = 30 * time.Second
	// tellEvery is how often the log tells of a connection refused.
	tellEvery = 10 * time.Second
)

// errNone tells that the CA has not signed anything yet.
var errNone = errors.New("no certificate of the mesh yet")

// Config is who the controller is, who vouches for it, and who may talk to it.
type Config struct {
	// Address is that of the CA: host:port, the host being a name in its certificate.
	Address string
	// RootsFile holds the roots of the mesh, and TokenFile the service account's token for the CA. Both may change at any time.
	RootsFile, TokenFile string
	// ClusterID is the name by which the CA knows this cluster.
	ClusterID string
	// ID is the controller's own SPIFFE id.
	ID string
	// Peers are the SPIFFE ids of the fallback egress. Whoever shares a trust domain with one may talk to the controller.
	Peers []string
}

// Identity is the controller's certificate. It is renewed at half of its life.
type Identity struct {
	cfg  Config
	log  *slog.Logger
	held atomic.Pointer[tls.Certificate]
	told rate.Sometimes // of connections refused: whoever tries again and again must not fill the log
}

// New makes an identity without a certificate; Start gets one.
func New(cfg Config, log *slog.Logger) *Identity {
	return &Identity{cfg: cfg, log: log, told: rate.Sometimes{Interval: tellEvery}}
}

// Start gets a certificate, and a new one in time, until ctx ends.
func (i *Identity) Start(ctx context.Context) error {
	retry := minRetry
	for {
		wait, err := i.renew(ctx)
		switch {
		case err == nil:
			retry = minRetry
		case ctx.Err() == nil:
			i.log.Error("no certificate of the mesh, trying again", "error", err, "in", retry.String())
			wait, retry = retry, min(2*retry, maxRetry)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
}

// NeedLeaderElection tells the manager to start it on every replica.
func (i *Identity) NeedLeaderElection() bool { return false }

// Ready returns an error while there is no certificate that is valid now.
func (i *Identity) Ready() error {
	certificate := i.held.Load()
	switch {
	case certificate == nil:
		return errNone
	case time.Now().After(certificate.Leaf.NotAfter):
		return fmt.Errorf("the certificate of the mesh ended at %s", certificate.Leaf.NotAfter.Format(time.RFC3339))
	}
	return nil
}

// renew gets a certificate and returns how long it serves.
func (i *Identity) renew(ctx context.Context) (time.Duration, error) {
	certificate, err := i.request(ctx)
	if err != nil {
		return 0, err
	}
	i.held.Store(certificate)
	leaf := certificate.Leaf
	i.log.Info("got a certificate of the mesh", "until", leaf.NotAfter)
	return max(leaf.NotAfter.Sub(leaf.NotBefore)/2, minRetry), nil
}

// ServerTLS makes the configuration of a server that takes in workloads of the mesh alone. The roots are read at each handshake: those of
// the mesh may change, and handshakes are rare.
func (i *Identity) ServerTLS() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2"},
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			certificate := i.held.Load()
			if certificate == nil {
				return nil, errNone
			}
			roots, err := i.roots()
			if err != nil {
				return nil, err
			}
			return &tls.Config{
				MinVersion:       tls.VersionTLS12,
				NextProtos:       []string{"h2"},
				Certificates:     []tls.Certificate{*certificate},
				ClientAuth:       tls.RequireAndVerifyClientCert,
				ClientCAs:        roots,
				VerifyConnection: i.authorize,
			}, nil
		},
	}
}

// authorize refuses whoever is of no trust domain of the peers.
func (i *Identity) authorize(state tls.ConnectionState) error {
	for _, uri := range state.PeerCertificates[0].URIs {
		if uri.Scheme == "spiffe" && slices.ContainsFunc(i.cfg.Peers, func(peer string) bool {
			return strings.HasPrefix(peer, "spiffe://"+uri.Host+"/")
		}) {
			return nil
		}
	}
	err := fmt.Errorf("%s may not talk to the controller", state.PeerCertificates[0].URIs)
	i.told.Do(func() { i.log.Warn("connection refused", "error", err) })
	return err
}

func (i *Identity) roots() (*x509.CertPool, error) {
	pem, err := os.ReadFile(i.cfg.RootsFile)
	if err != nil {
		return nil, fmt.Errorf("read the roots of the mesh: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", i.cfg.RootsFile)
	}
	return pool, nil
}
