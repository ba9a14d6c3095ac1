// Package sigstoretest is a private Sigstore on localhost: an authority that certifies the identity
// in an OIDC token, and one that tells the time. It is what a company runs for itself, and what
// GitHub runs for private repositories; it has no log.
package sigstoretest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/digitorus/timestamp"
	prototrustroot "github.com/sigstore/protobuf-specs/gen/pb-go/trustroot/v1"
	"github.com/sigstore/sigstore-go/pkg/root"
	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/stretchr/testify/require"
)

// Issuer is who vouches for the identities.
const Issuer = "https://token.actions.githubusercontent.com"

// Sigstore is the instance.
type Sigstore struct {
	// TrustedRoot and SigningConfig are the files with which it is used.
	TrustedRoot, SigningConfig string
	// Identity is that of the token that a run gets from Actions.
	Identity string
	// Certificates counts what was certified, and Tokens the tokens.
	Certificates, Tokens atomic.Int64
	// Age is how long ago certificates were given, when they reach the one who asks.
	Age time.Duration

	url            string
	root, parent   *x509.Certificate
	parentKey      *ecdsa.PrivateKey
	tsaParent, tsa *x509.Certificate
	tsaKey         *ecdsa.PrivateKey
}

// Bearer is the token with which a job of GitHub Actions asks for its own.
const Bearer = "the-bearer-token-that-no-message-may-have"

// Start starts the instance, for the identity.
func Start(t testing.TB, identity string) *Sigstore {
	t.Helper()
	s := &Sigstore{Identity: identity}
	key, err := s.authorities()
	require.NoError(t, err)
	s.tsaKey = key
	mux := http.NewServeMux()
	mux.HandleFunc("POST /api/v2/signingCert", handler(s.certify))
	mux.HandleFunc("POST /api/v1/timestamp", handler(s.timestamp))
	mux.HandleFunc("GET /token", handler(s.token))
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	s.url = server.URL

	begin, end := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	trusted, err := root.NewTrustedRoot(root.TrustedRootMediaType01,
		[]root.CertificateAuthority{&root.FulcioCertificateAuthority{Root: s.root, Intermediates: []*x509.Certificate{s.parent}, ValidityPeriodStart: begin, ValidityPeriodEnd: end, URI: s.url}},
		nil,
		[]root.TimestampingAuthority{&root.SigstoreTimestampingAuthority{Root: s.root, Intermediates: []*x509.Certificate{s.tsaParent}, Leaf: s.tsa, ValidityPeriodStart: begin, ValidityPeriodEnd: end, URI: s.url}}, nil)
	require.NoError(t, err)
	any := root.ServiceConfiguration{Selector: prototrustroot.ServiceSelector_ANY}
	service := func(path string) []root.Service {
		return []root.Service{{URL: s.url + path, MajorAPIVersion: 1, ValidityPeriodStart: begin, Operator: "test"}}
	}
	config, err := root.NewSigningConfig(root.SigningConfigMediaType02, service(""), nil, nil, any, service("/api/v1/timestamp"), any)
	require.NoError(t, err)
	s.TrustedRoot, s.SigningConfig = write(t, "trusted_root.json", trusted), write(t, "signing_config.json", config)
	return s
}

func write(t testing.TB, name string, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	require.NoError(t, err)
	name = filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(name, text, 0o600))
	return name
}

// Environment are the variables with which a job of GitHub Actions gets its token.
func (s *Sigstore) Environment() map[string]string {
	return map[string]string{"SIGSTORE_ID_TOKEN": "", "ACTIONS_ID_TOKEN_REQUEST_URL": s.url + "/token?api-version=2.0", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": Bearer}
}

func (s *Sigstore) authorities() (tsaKey *ecdsa.PrivateKey, err error) {
	var rootKey, parentKey *ecdsa.PrivateKey
	if s.root, rootKey, err = ca.GenerateRootCa(); err != nil {
		return nil, err
	}
	if s.parent, s.parentKey, err = ca.GenerateFulcioIntermediate(s.root, rootKey); err != nil {
		return nil, err
	}
	if s.tsaParent, parentKey, err = ca.GenerateTSAIntermediate(s.root, rootKey); err != nil {
		return nil, err
	}
	if tsaKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, err
	}
	s.tsa, err = ca.GenerateTSALeafCert(time.Now().Add(-time.Minute), tsaKey, s.tsaParent, parentKey)
	return tsaKey, err
}

// handler answers a request, or says why not.
func handler(answer func(*http.Request) ([]byte, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		content, err := answer(r)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = w.Write(content)
	}
}

// claims is what a token says.
type claims struct {
	Issuer   string `json:"iss"`
	Audience string `json:"aud"`
	Subject  string `json:"sub"`
	Workflow string `json:"job_workflow_ref"`
}

// Token is an OIDC token of the identity. Nobody checks its signature here.
func (s *Sigstore) Token(audience string) string {
	text, err := json.Marshal(claims{Issuer, audience, "repo:us/lambdas:ref:refs/heads/main", strings.TrimPrefix(s.Identity, "https://github.com/")})
	if err != nil {
		panic(err) // it is four texts
	}
	return "e30." + base64.RawURLEncoding.EncodeToString(text) + ".c2ln"
}

func (s *Sigstore) token(r *http.Request) ([]byte, error) {
	if r.Header.Get("Authorization") != "Bearer "+Bearer || r.URL.Query().Get("api-version") != "2.0" {
		return nil, fmt.Errorf("that is no request of a job")
	}
	s.Tokens.Add(1)
	return json.Marshal(map[string]string{"value": s.Token(r.URL.Query().Get("audience"))})
}

// certify is the API of Fulcio: it checks that the one who asks has the key.
func (s *Sigstore) certify(r *http.Request) ([]byte, error) {
	parts := strings.Split(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), ".")
	if len(parts) != 3 {
		return nil, fmt.Errorf("no token")
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return nil, err
	}
	var token claims
	if err := json.Unmarshal(raw, &token); err != nil {
		return nil, err
	}
	if token.Audience != "sigstore" {
		return nil, fmt.Errorf("the token is for %q", token.Audience)
	}
	var request struct {
		Key struct {
			Key struct {
				Content string `json:"content"`
			} `json:"publicKey"`
			Proof []byte `json:"proofOfPossession"`
		} `json:"publicKeyRequest"`
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		return nil, err
	}
	block, _ := pem.Decode([]byte(request.Key.Key.Content))
	if block == nil {
		return nil, fmt.Errorf("no key")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(token.Subject))
	if key, ok := public.(*ecdsa.PublicKey); !ok || !ecdsa.VerifyASN1(key, sum[:], request.Key.Proof) {
		return nil, fmt.Errorf("that is not the key of the one who asks")
	}
	der, err := s.leaf(public, token)
	if err != nil {
		return nil, err
	}
	s.Certificates.Add(1)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	return json.Marshal(map[string]any{"signedCertificateEmbeddedSct": map[string]any{"chain": map[string]any{"certificates": []string{text}}}})
}

// leaf is a certificate for ten minutes.
func (s *Sigstore) leaf(public crypto.PublicKey, token claims) ([]byte, error) {
	issuer, err := asn1.MarshalWithParams(token.Issuer, "utf8")
	if err != nil {
		return nil, err
	}
	identity, err := url.Parse("https://github.com/" + token.Workflow)
	if err != nil {
		return nil, err
	}
	from := time.Now().Add(-s.Age).Add(-time.Second)
	return x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: from, NotAfter: from.Add(10 * time.Minute),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning}, URIs: []*url.URL{identity},
		// https://github.com/sigstore/fulcio/blob/main/docs/oid-info.md
		ExtraExtensions: []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 1, 8}, Value: issuer}},
	}, s.parent, public, s.parentKey)
}

// timestamp answers as RFC 3161 says.
func (s *Sigstore) timestamp(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	request, err := timestamp.ParseRequest(body)
	if err != nil {
		return nil, err
	}
	t := timestamp.Timestamp{HashAlgorithm: request.HashAlgorithm, HashedMessage: request.HashedMessage, Time: time.Now(), Policy: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 57264, 2}}
	return t.CreateResponseWithOpts(s.tsa, s.tsaKey, crypto.SHA256)
}
