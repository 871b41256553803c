package e2e

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"testing"
	"time"
)

// issuer issues JSON Web Tokens.
type issuer struct {
	t   *testing.T
	key *rsa.PrivateKey
}

func newIssuer(t *testing.T) issuer {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return issuer{t, key}
}

// token is a signed token with these claims.
func (i issuer) token(claims map[string]any) string {
	i.t.Helper()
	claims["iss"], claims["exp"] = "issuer", time.Now().Add(time.Hour).Unix()
	part := func(value any) string {
		text, err := json.Marshal(value)
		if err != nil {
			i.t.Fatal(err)
		}
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(map[string]string{"alg": "RS256", "typ": "JWT", "kid": "key"}) + "." + part(claims)
	digest := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, i.key, crypto.SHA256, digest[:])
	if err != nil {
		i.t.Fatal(err)
	}
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// authentication is a RequestAuthentication for the pods of an app, with the issuer's key in it.
func (i issuer) authentication(app string) string {
	encode := func(n *big.Int) string { return base64.RawURLEncoding.EncodeToString(n.Bytes()) }
	return fmt.Sprintf(`
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: %s}
spec:
  selector: {matchLabels: {app: %[1]s}}
  jwtRules:
  - issuer: issuer
    jwks: '{"keys": [{"kty": "RSA", "kid": "key", "alg": "RS256", "n": "%s", "e": "%s"}]}'
`, app, encode(i.key.N), encode(big.NewInt(int64(i.key.E))))
}
