package signature

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sigstore/sigstore-go/pkg/testing/ca"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/internal/sigstoretest"
	"lambdas.internal/ci/tool/internal/testkit"
)

const identity = "https://github.com/us/lambdas/.github/workflows/main.yml@refs/heads/main"

var digest = testkit.Digest("thumb").Hex

// statement is a provenance of the image with the digest.
func statement(t *testing.T, p provenance.Parameters) []byte {
	t.Helper()
	text, err := json.Marshal(provenance.Statement{
		Type: provenance.StatementType, PredicateType: provenance.PredicateType,
		Subject:   []provenance.Resource{{Name: "thumb", Digest: map[string]string{"sha256": digest}}},
		Predicate: provenance.Predicate{BuildDefinition: provenance.Definition{ExternalParameters: p}},
	})
	require.NoError(t, err)
	return text
}

// keys writes a private key and its public key into files.
func keys(t *testing.T, private crypto.PrivateKey) (secret, public string) {
	t.Helper()
	dir := t.TempDir()
	der, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(t, err)
	text, err := cryptoutils.MarshalPublicKeyToPEM(private.(crypto.Signer).Public())
	require.NoError(t, err)
	secret, public = filepath.Join(dir, "key.pem"), filepath.Join(dir, "key.pub")
	require.NoError(t, os.WriteFile(secret, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	require.NoError(t, os.WriteFile(public, text, 0o600))
	return secret, public
}

func p256(t *testing.T) (secret, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	return keys(t, key)
}

// signed signs with a key.
func signed(t *testing.T, key string, statement []byte) []byte {
	t.Helper()
	s, err := NewSigner(t.Context(), key)
	require.NoError(t, err)
	bundle, err := s.Sign(t.Context(), statement)
	require.NoError(t, err)
	return bundle
}

func verifier(t *testing.T, p Policy) *Verifier {
	t.Helper()
	v, err := NewVerifier(t.Context(), p)
	require.NoError(t, err)
	return v
}

func TestKeys(t *testing.T) {
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	require.NoError(t, err)
	weak, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	p256, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	_, other := keys(t, p256)
	document := statement(t, provenance.Parameters{Commit: "0123456", Image: "thumb"})
	for title, private := range map[string]crypto.PrivateKey{"P-256": p256, "P-384": p384, "RSA 2048": weak, "Ed25519": ed} {
		t.Run(title, func(t *testing.T) {
			secret, public := keys(t, private)
			bundle := signed(t, secret, document)
			got, err := verifier(t, Policy{Key: public}).Verify(bundle, digest)
			require.NoError(t, err)
			assert.Equal(t, document, got.Statement)
			assert.Equal(t, provenance.PredicateType, got.Predicate)
			s, err := NewSigner(t.Context(), secret)
			require.NoError(t, err)
			assert.Equal(t, s.Name, got.Signer)
			if private != crypto.PrivateKey(p256) {
				_, err = verifier(t, Policy{Key: other}).Verify(bundle, digest)
				require.Error(t, err, "another key")
			}
			_, err = verifier(t, Policy{Key: public}).Verify(bundle, testkit.Digest("other").Hex)
			require.Error(t, err, "another image")
		})
	}
}

// An encrypted key of cosign needs its password.
func TestAnEncryptedKey(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	secret, public := keys(t, key)
	text, err := cryptoutils.MarshalPrivateKeyToEncryptedDER(key, func(bool) ([]byte, error) { return []byte("open"), nil })
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(secret, pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED SIGSTORE PRIVATE KEY", Bytes: text}), 0o600))
	for title, c := range map[string]struct {
		password *string
		want     string
	}{
		"no password":      {nil, "it is encrypted; put its password into the variable COSIGN_PASSWORD"},
		"another password": {new("shut"), "read the signing key " + secret},
		"its password":     {new("open"), ""},
	} {
		t.Run(title, func(t *testing.T) {
			t.Setenv(PasswordVariable, "")
			require.NoError(t, os.Unsetenv(PasswordVariable))
			if c.password != nil {
				t.Setenv(PasswordVariable, *c.password)
			}
			s, err := NewSigner(t.Context(), secret)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			bundle, err := s.Sign(t.Context(), statement(t, provenance.Parameters{}))
			require.NoError(t, err)
			_, err = verifier(t, Policy{Key: public}).Verify(bundle, digest)
			require.NoError(t, err)
		})
	}
}

// changed returns the bundle with another payload, as one who has no key would make it.
func changed(t *testing.T, bundle []byte, change func(statement string) string) []byte {
	t.Helper()
	var b map[string]any
	require.NoError(t, json.Unmarshal(bundle, &b))
	envelope := b["dsseEnvelope"].(map[string]any)
	payload, err := base64.StdEncoding.DecodeString(envelope["payload"].(string))
	require.NoError(t, err)
	envelope["payload"] = base64.StdEncoding.EncodeToString([]byte(change(string(payload))))
	text, err := json.Marshal(b)
	require.NoError(t, err)
	require.NotEqual(t, bundle, text)
	return text
}

func TestAChangedDocumentIsRefused(t *testing.T) {
	secret, public := p256(t)
	v := verifier(t, Policy{Key: public})
	bundle := signed(t, secret, statement(t, provenance.Parameters{Commit: "0123456"}))
	same := changed(t, bundle, func(s string) string { return s })
	_, err := v.Verify(same, digest)
	require.NoError(t, err, "the change is the reason, not its making")
	for title, bad := range map[string][]byte{
		"another commit": changed(t, bundle, func(s string) string { return strings.Replace(s, "0123456", "0123457", 1) }),
		"a space more":   changed(t, bundle, func(s string) string { return s + " " }),
		"no bundle":      []byte("{}"),
		"no JSON":        []byte("nothing"),
		"nothing":        nil,
	} {
		t.Run(title, func(t *testing.T) {
			_, err := v.Verify(bad, digest)
			require.Error(t, err)
		})
	}
}

func TestKeyless(t *testing.T) {
	accept := func(s *sigstoretest.Sigstore) Policy {
		return Policy{Identity: identity, Issuer: sigstoretest.Issuer, TrustedRoot: s.TrustedRoot}
	}
	for title, c := range map[string]struct {
		identity string
		age      time.Duration
		policy   func(*Policy)
		want     string
	}{
		"the workflow":               {identity, 0, func(*Policy) {}, ""},
		"a pattern":                  {identity, 0, func(p *Policy) { p.Identity, p.IdentityRegexp = "", "https://github.com/us/lambdas/.*" }, ""},
		"a pattern of a part":        {identity, 0, func(p *Policy) { p.Identity, p.IdentityRegexp = "", "https://github.com/us/lambdas/" }, "no matching CertificateIdentity found"},
		"another workflow":           {strings.Replace(identity, "main.yml", "pull.yml", 1), 0, func(*Policy) {}, "no matching CertificateIdentity found"},
		"another repository":         {strings.Replace(identity, "/us/", "/them/", 1), 0, func(*Policy) {}, "no matching CertificateIdentity found"},
		"another issuer":             {identity, 0, func(p *Policy) { p.Issuer = "https://accounts.google.com" }, "no matching CertificateIdentity found"},
		"an expired certificate":     {identity, time.Hour, func(*Policy) {}, "certificate"},
		"a certificate of elsewhere": {identity, 0, func(p *Policy) { p.TrustedRoot = sigstoretest.Start(t, identity).TrustedRoot }, "signed timestamps"},
	} {
		t.Run(title, func(t *testing.T) {
			sigstore := sigstoretest.Start(t, c.identity)
			sigstore.Age = c.age
			for name, value := range sigstore.Environment() {
				t.Setenv(name, value)
			}
			s, err := NewKeyless(t.Context(), sigstore.SigningConfig)
			require.NoError(t, err)
			assert.Equal(t, c.identity+" by "+sigstoretest.Issuer, s.Name)
			document := statement(t, provenance.Parameters{})
			bundle, err := s.Sign(t.Context(), document)
			require.NoError(t, err)
			_, err = s.Sign(t.Context(), document)
			require.NoError(t, err)
			assert.EqualValues(t, 1, sigstore.Certificates.Load(), "one for all documents")
			p := accept(sigstore)
			c.policy(&p)
			got, err := verifier(t, p).Verify(bundle, digest)
			if c.want != "" {
				require.ErrorContains(t, err, c.want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, s.Name, got.Signer)
			_, err = verifier(t, p).Verify(changed(t, bundle, func(s string) string { return s + " " }), digest)
			require.Error(t, err, "a changed document")
		})
	}
}

// A signature with a key is no keyless signature, and the other way round.
func TestOneKindIsNotTheOther(t *testing.T) {
	sigstore := sigstoretest.Start(t, identity)
	t.Setenv("SIGSTORE_ID_TOKEN", sigstore.Token("sigstore"))
	s, err := NewKeyless(t.Context(), sigstore.SigningConfig)
	require.NoError(t, err)
	assert.Zero(t, sigstore.Tokens.Load(), "the variable has it")
	document := statement(t, provenance.Parameters{})
	keyless, err := s.Sign(t.Context(), document)
	require.NoError(t, err)
	secret, public := p256(t)
	_, err = verifier(t, Policy{Key: public}).Verify(keyless, digest)
	require.Error(t, err)
	_, err = verifier(t, Policy{Identity: identity, Issuer: sigstoretest.Issuer, TrustedRoot: sigstore.TrustedRoot}).Verify(signed(t, secret, document), digest)
	require.Error(t, err)
}

// With a trusted root that has logs, as that of public Sigstore, a signature must be in them.
func TestALogThatIsTrustedIsAsked(t *testing.T) {
	public, err := ca.NewVirtualSigstore()
	require.NoError(t, err)
	document := statement(t, provenance.Parameters{})
	logged, err := public.Attest("us@test.invalid", "issuer", document)
	require.NoError(t, err)
	p := Policy{Identity: "us@test.invalid", Issuer: "issuer"}
	v, err := withIdentity(withoutCT{public}, p)
	require.NoError(t, err)
	got, err := v.entity(logged, digest)
	require.NoError(t, err)
	assert.Equal(t, document, got.Statement)

	other, err := ca.NewVirtualSigstore()
	require.NoError(t, err)
	v, err = withIdentity(mixed{withoutCT{public}, other}, p)
	require.NoError(t, err)
	_, err = v.entity(logged, digest)
	require.ErrorContains(t, err, "log", "it is in the log of another")

	v, err = withIdentity(public, p)
	require.NoError(t, err)
	_, err = v.entity(logged, digest)
	require.Error(t, err, "its certificate is in no log")
}
