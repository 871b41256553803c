package cluster

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// pki is the lab's keys and certificates as files: a CA, the API server's certificate, the key of service account
// tokens and the token of the cluster administrator.
type pki struct{ dir string }

func (p pki) caCert() string     { return filepath.Join(p.dir, "ca.crt") }
func (p pki) serverCert() string { return filepath.Join(p.dir, "apiserver.crt") }
func (p pki) serverKey() string  { return filepath.Join(p.dir, "apiserver.key") }
func (p pki) tokenKey() string   { return filepath.Join(p.dir, "sa.key") }
func (p pki) tokens() string     { return filepath.Join(p.dir, "tokens.csv") }

// lifetime is long enough for a lab that is forgotten for a while; it ends with the machine anyway.
const lifetime = 365 * 24 * time.Hour

// create makes all files and returns the administrator's token.
func (p pki) create(addresses plan) (string, error) {
	if err := os.MkdirAll(p.dir, 0o700); err != nil {
		return "", fmt.Errorf("make keys: %w", err)
	}
	caKey, err := newKey()
	if err != nil {
		return "", err
	}
	ca := template("lazylab-ca")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign|x509.KeyUsageDigitalSignature
	if err := writeCert(p.caCert(), ca, ca, caKey.Public(), caKey); err != nil {
		return "", err
	}
	key, err := newKey()
	if err != nil {
		return "", err
	}
	server := template("kube-apiserver")
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc." + domain}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.ParseIP(addresses.nodeIP), net.ParseIP(addresses.apiIP)}
	if err := writeCert(p.serverCert(), server, ca, key.Public(), caKey); err != nil {
		return "", err
	}
	if err := writeKey(p.serverKey(), key); err != nil {
		return "", err
	}
	tokenKey, err := newKey()
	if err != nil {
		return "", err
	}
	if err := writeKey(p.tokenKey(), tokenKey); err != nil {
		return "", err
	}
	return p.writeToken()
}

func (p pki) writeToken() (string, error) {
	secret := make([]byte, 16)
	if _, err := rand.Read(secret); err != nil {
		return "", fmt.Errorf("make token: %w", err)
	}
	token := hex.EncodeToString(secret)
	line := token + `,admin,admin,"system:masters"` + "\n"
	if err := os.WriteFile(p.tokens(), []byte(line), 0o600); err != nil {
		return "", fmt.Errorf("write token: %w", err)
	}
	return token, nil
}

func newKey() (*ecdsa.PrivateKey, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return key, nil
}

func template(name string) *x509.Certificate {
	now := time.Now()
	return &x509.Certificate{
		SerialNumber: big.NewInt(now.UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    now.Add(-time.Hour),
		NotAfter:     now.Add(lifetime),
	}
}

func writeCert(path string, cert, issuer *x509.Certificate, subject crypto.PublicKey, signer crypto.Signer) error {
	der, err := x509.CreateCertificate(rand.Reader, cert, issuer, subject, signer)
	if err != nil {
		return fmt.Errorf("sign certificate of %s: %w", cert.Subject.CommonName, err)
	}
	return writePEM(path, "CERTIFICATE", der)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	return writePEM(path, "EC PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	text := pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}
