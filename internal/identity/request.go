package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	securityv1alpha1 "istio.io/api/security/v1alpha1"
)

const (
	// lifetime is what is asked for; the CA may grant less.
	lifetime = 24 * time.Hour
	// requestTime bounds one request to the CA.
	requestTime = 10 * time.Second
)

// request makes a key and has the CA sign it. It connects anew each time: the roots may have changed.
func (i *Identity) request(ctx context.Context) (*tls.Certificate, error) {
	key, csr, err := newKey(i.cfg.ID)
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(i.cfg.TokenFile)
	if err != nil {
		return nil, fmt.Errorf("read the token for the CA: %w", err)
	}
	roots, err := i.roots()
	if err != nil {
		return nil, err
	}
	conn, err := grpc.NewClient(i.cfg.Address,
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12})))
	if err != nil {
		return nil, fmt.Errorf("connect to the CA at %s: %w", i.cfg.Address, err)
	}
	defer conn.Close()
	ctx, cancel := context.WithTimeout(metadata.AppendToOutgoingContext(ctx,
		"authorization", "Bearer "+strings.TrimSpace(string(token)), "clusterid", i.cfg.ClusterID), requestTime)
	defer cancel()
	response, err := securityv1alpha1.NewIstioCertificateServiceClient(conn).CreateCertificate(ctx,
		&securityv1alpha1.IstioCertificateRequest{Csr: string(csr), ValidityDuration: int64(lifetime.Seconds())})
	if err != nil {
		return nil, fmt.Errorf("ask the CA at %s for a certificate: %w", i.cfg.Address, err)
	}
	return assemble(key, response.GetCertChain())
}

// newKey makes a private key and a request to sign it for a SPIFFE id, both in PEM.
func newKey(id string) (key, csr []byte, err error) {
	uri, err := url.Parse(id)
	if err != nil {
		return nil, nil, fmt.Errorf("read the SPIFFE id: %w", err)
	}
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("make a key: %w", err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, fmt.Errorf("encode the key: %w", err)
	}
	csrDER, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{URIs: []*url.URL{uri}}, private)
	if err != nil {
		return nil, nil, fmt.Errorf("make a request for a certificate: %w", err)
	}
	key = pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
	csr = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: csrDER})
	return key, csr, nil
}

// assemble joins a key with the chain that the CA answered: the certificate first, the root last.
func assemble(key []byte, chain []string) (*tls.Certificate, error) {
	if len(chain) < 2 {
		return nil, fmt.Errorf("the CA answered with %d certificates, want at least two", len(chain))
	}
	certificate, err := tls.X509KeyPair([]byte(strings.Join(chain[:len(chain)-1], "\n")), key)
	if err != nil {
		return nil, fmt.Errorf("read the CA's answer: %w", err)
	}
	return &certificate, nil
}
