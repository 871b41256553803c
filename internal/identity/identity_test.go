package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	securityv1alpha1 "istio.io/api/security/v1alpha1"
)

const (
	self   = "spiffe://cluster.local/ns/istio-system/sa/lazyxds"
	egress = "spiffe://cluster.local/ns/istio-system/sa/istio-egressgateway-lazyxds"
)

// authority is a CA of the mesh that signs for whoever has the token "good".
type authority struct {
	securityv1alpha1.UnimplementedIstioCertificateServiceServer
	key  *ecdsa.PrivateKey
	cert *x509.Certificate
	life time.Duration
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Organization: []string{"mesh"}}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key: key, cert: cert, life: time.Hour}
}

func (a *authority) pem() string { return encode(a.cert.Raw) }

func encode(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// sign makes a certificate for a public key, for SPIFFE ids and DNS names.
func (a *authority) sign(public any, life time.Duration, uris []*url.URL, names ...string) (string, error) {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), URIs: uris, DNSNames: names, NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(life),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, public, a.key)
	return encode(der), err
}

// issue makes a certificate with a key of its own.
func (a *authority) issue(t *testing.T, id string, names ...string) tls.Certificate {
	t.Helper()
	key, csr, err := newKey(id)
	if err != nil {
		t.Fatal(err)
	}
	request := parseRequest(t, csr)
	cert, err := a.sign(request.PublicKey, time.Hour, request.URIs, names...)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.X509KeyPair([]byte(cert), key)
	if err != nil {
		t.Fatal(err)
	}
	return pair
}

func parseRequest(t *testing.T, csr []byte) *x509.CertificateRequest {
	t.Helper()
	block, _ := pem.Decode(csr)
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	return request
}

// CreateCertificate is what istiod serves.
func (a *authority) CreateCertificate(
	ctx context.Context, in *securityv1alpha1.IstioCertificateRequest,
) (*securityv1alpha1.IstioCertificateResponse, error) {
	md, _ := metadata.FromIncomingContext(ctx)
	if strings.Join(md.Get("authorization"), "") != "Bearer good" || strings.Join(md.Get("clusterid"), "") != "Kubernetes" {
		return nil, status.Error(codes.Unauthenticated, "request authenticate failure")
	}
	block, _ := pem.Decode([]byte(in.GetCsr()))
	request, err := x509.ParseCertificateRequest(block.Bytes)
	if err != nil {
		return nil, err
	}
	cert, err := a.sign(request.PublicKey, a.life, request.URIs)
	return &securityv1alpha1.IstioCertificateResponse{CertChain: []string{cert, a.pem()}}, err
}

// start serves the CA and returns the configuration of who trusts it and has the token.
func (a *authority) start(t *testing.T, token string) Config {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(grpc.Creds(credentials.NewServerTLSFromCert(new(a.issue(t, "spiffe://cluster.local/ns/x/sa/istiod", "localhost")))))
	securityv1alpha1.RegisterIstioCertificateServiceServer(server, a)
	go server.Serve(listener) //nolint:errcheck // it ends with the test
	t.Cleanup(server.Stop)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return Config{
		Address: "localhost:" + port, ClusterID: "Kubernetes", ID: self, Peers: []string{egress},
		RootsFile: file(t, a.pem()), TokenFile: file(t, token+"\n"),
	}
}

func file(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// handshake connects a client to the server and returns the server's verdict, and whom the client met.
func handshake(t *testing.T, server *tls.Config, certificates ...tls.Certificate) (met string, verdict error) {
	t.Helper()
	near, far := net.Pipe()
	client := tls.Client(near, &tls.Config{
		Certificates: certificates, NextProtos: []string{"h2"}, InsecureSkipVerify: true,
		VerifyConnection: func(state tls.ConnectionState) error {
			met = state.PeerCertificates[0].URIs[0].String()
			return nil
		},
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		_, _ = client.Read(make([]byte, 1)) // shakes hands, and takes the server's last words
	}()
	verdict = tls.Server(far, server).Handshake()
	far.Close()
	<-done
	near.Close()
	return met, verdict
}

func TestWhoMayTalk(t *testing.T) {
	ca, stranger := newAuthority(t), newAuthority(t)
	i := New(ca.start(t, "good"), slog.New(slog.DiscardHandler))
	if _, err := handshake(t, i.ServerTLS(), ca.issue(t, egress)); !errors.Is(err, errNone) || !errors.Is(i.Ready(), errNone) {
		t.Errorf("without a certificate: %v, ready %v, want %v", err, i.Ready(), errNone)
	}
	if _, err := i.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		client []tls.Certificate
		want   string
	}{
		"the egress":                          {[]tls.Certificate{ca.issue(t, egress)}, ""},
		"another workload":                    {[]tls.Certificate{ca.issue(t, "spiffe://cluster.local/ns/demo/sa/default")}, ""},
		"a domain that begins alike":          {[]tls.Certificate{ca.issue(t, "spiffe://cluster.local.evil/ns/demo/sa/default")}, "may not talk"},
		"the egress's name in another domain": {[]tls.Certificate{ca.issue(t, strings.Replace(egress, "cluster.local", "evil", 1))}, "may not talk"},
		"the egress's name by another CA":     {[]tls.Certificate{stranger.issue(t, egress)}, "unknown authority"},
		"nobody":                              {nil, "didn't provide a certificate"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			met, err := handshake(t, i.ServerTLS(), tt.client...)
			if met != self {
				t.Errorf("the client met %q, want %q", met, self)
			}
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("handshake: %v, want %q", err, tt.want)
			}
		})
	}
}

func TestRenewal(t *testing.T) {
	ca := newAuthority(t)
	ca.life = 3 * time.Minute // and begins a minute ago
	i := New(ca.start(t, "good"), slog.New(slog.DiscardHandler))
	wait, err := i.renew(t.Context())
	if err != nil || i.Ready() != nil || wait != 2*time.Minute {
		t.Fatalf("renew = %v, %v, ready %v, want half of four minutes", wait, err, i.Ready())
	}
	first := i.held.Load()
	ca.life = -time.Second
	if _, err := i.renew(t.Context()); err != nil {
		t.Fatal(err)
	}
	if i.held.Load().PrivateKey.(*ecdsa.PrivateKey).Equal(first.PrivateKey) {
		t.Error("the key is the old one")
	}
	if err := i.Ready(); err == nil || !strings.Contains(err.Error(), "ended at") {
		t.Errorf("ready with a certificate of the past: %v", err)
	}
}

func TestRefusedByTheCA(t *testing.T) {
	ca := newAuthority(t)
	good := ca.start(t, "good")
	untrusted := good
	untrusted.RootsFile = file(t, newAuthority(t).pem())
	rootless := good
	rootless.RootsFile = file(t, "")
	for want, cfg := range map[string]Config{
		"request authenticate failure": ca.start(t, "stolen"),
		"unknown authority":            untrusted,
		"holds no certificate":         rootless,
	} {
		i := New(cfg, slog.New(slog.DiscardHandler))
		if _, err := i.renew(t.Context()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("renew: %v, want %q", err, want)
		}
	}
}
