package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/attest/signature"
	"lambdas.internal/ci/tool/internal/sigstoretest"
)

// signingKey makes a key, as openssl does.
func signingKey(t *testing.T) (private, public string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	known, err := x509.MarshalPKIXPublicKey(key.Public())
	require.NoError(t, err)
	dir := t.TempDir()
	private, public = filepath.Join(dir, "key.pem"), filepath.Join(dir, "key.pub")
	require.NoError(t, os.WriteFile(private, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), 0o600))
	require.NoError(t, os.WriteFile(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: known}), 0o600))
	return private, public
}

// From a signed publish to a deploy that accepts nothing else.
func TestASignedRelease(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	private, public := signingKey(t)
	_, other := signingKey(t)
	require := func(key string) string { return " --require-signed --key " + key }

	s.ci(exitDone, "publish --commit 1111111")
	s.ci(exitFailed, "deploy --commit 1111111"+require(public))
	assert.Contains(t, s.story.String(), "ci: deploy api: --require-signed: api in "+s.host+"/lambda-private-light has no signed provenance of commit 1111111; sign it: bin/ci publish --commit 1111111 --sign KEY")
	assert.Empty(t, s.aws.Calls("UpdateFunctionCode"))

	s.ci(exitFailed, "publish --commit 1111111 --sign nowhere.pem")
	assert.Contains(t, s.story.String(), "$ bin/ci publish --commit 1111111 --sign nowhere.pem\nci: read the signing key: open nowhere.pem: ", "before anything is built")
	s.ci(exitDone, "publish --commit 1111111 --dry-run --sign "+private)
	assert.Contains(t, s.story.String(), "attach 10 documents")
	s.ci(exitDone, "publish --commit 1111111 --sign "+private)
	assert.Contains(t, s.story.String(), "attached 10 documents")
	assert.Contains(t, s.story.String(), "the documents are signed by SHA256:")
	s.ci(exitDone, "publish --commit 1111111 --sign "+private)
	assert.Contains(t, s.story.String(), "attached 0 documents")
	s.ci(exitFailed, "deploy --commit 1111111"+require(other))
	assert.Contains(t, s.story.String(), "has no signed provenance of commit 1111111 that is accepted: ")
	s.ci(exitUsage, "deploy --commit 1111111 --require-signed")
	s.ci(exitUsage, "deploy --commit 1111111 --key "+public)
	assert.Empty(t, s.aws.Calls("UpdateFunctionCode"))
	// What is not known is not allowed.
	s.refuse("/referrers/")
	s.ci(exitFailed, "deploy --commit 1111111"+require(public))
	assert.Contains(t, s.story.String(), "read the signatures of api in ")
	assert.Empty(t, s.aws.Calls("UpdateFunctionCode"))
	s.deny.Store(nil)
	s.ci(exitDone, "deploy --commit 1111111"+require(public))
	assert.Len(t, s.aws.Calls("UpdateFunctionCode"), 3)

	// The same images under another name are not signed as that.
	s.ci(exitDone, "publish --commit 2222222")
	s.ci(exitFailed, "deploy --commit 2222222"+require(public))
	assert.Contains(t, s.story.String(), "has no signed provenance of commit 2222222")
}

// The identity of a run is told to nobody who was not named.
func TestAKeylessPublish(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	const identity = "https://github.com/us/lambdas/.github/workflows/main.yml@refs/heads/main"
	sigstore := sigstoretest.Start(t, identity)
	for name, value := range sigstore.Environment() {
		s.more[name] = value
	}
	keyless := "publish --commit 1111111 --sign keyless --signing-config " + sigstore.SigningConfig
	s.ci(exitUsage, "publish --commit 1111111 --sign keyless")
	assert.Contains(t, s.story.String(), "into the log of public Sigstore, for all to read; pass --disclose-signer")
	s.ci(exitUsage, keyless)
	assert.Contains(t, s.story.String(), "into the public image enhance, for all to read; pass --disclose-signer")
	s.ci(exitDone, keyless+" --disclose-signer --dry-run")
	assert.Zero(t, sigstore.Tokens.Load()+sigstore.Certificates.Load(), "nobody is asked")
	s.ci(exitDone, keyless+" --disclose-signer")
	assert.EqualValues(t, 1, sigstore.Certificates.Load())
	assert.Contains(t, s.story.String(), "the documents are signed by "+identity+" by "+sigstoretest.Issuer)
	assert.NotContains(t, s.story.String(), sigstoretest.Bearer)

	trust := " --certificate-oidc-issuer " + sigstoretest.Issuer + " --trusted-root " + sigstore.TrustedRoot
	s.ci(exitFailed, "deploy --commit 1111111 --require-signed --certificate-identity https://github.com/them/lambdas/main.yml"+trust)
	assert.Contains(t, s.story.String(), "no matching CertificateIdentity found")
	s.ci(exitUsage, "deploy --commit 1111111 --require-signed --certificate-identity "+identity)
	s.ci(exitDone, "deploy --commit 1111111 --require-signed --certificate-identity "+identity+trust)
}

func TestVerifyChecksSignatures(t *testing.T) {
	t.Parallel()
	root, commit, _ := committed(t)
	private, public := signingKey(t)
	_, other := signingKey(t)
	here := environment{}
	run := func(code int, args ...string) result {
		t.Helper()
		got := here.in(t, root, append(args, "--local", "--offline")...)
		require.Equal(t, code, got.code, got.stdout+got.stderr)
		return got
	}
	run(exitDone, "publish", "--sign", private)
	assert.Contains(t, run(exitDone, "verify", "--commit", commit).stdout, "not checked")
	assert.Contains(t, run(exitDone, "verify", "--commit", commit, "--key", public).stdout, "signed by SHA256:")
	got := run(exitFailed, "verify", "--commit", commit, "--key", other)
	assert.Contains(t, got.stderr, "the documents of 3 of 3 published images are not signed as required")
	assert.Contains(t, got.stdout, "! beta in ")
	// The plain documents are found as before.
	assert.Contains(t, here.in(t, root, "sbom", "--local", "--name", "beta", "--commit", commit).stdout, "components of beta")
	assert.Contains(t, here.in(t, root, "provenance", "--local", "--name", "beta", "--commit", commit).stdout, commit)
}

// A signed document is base64 to a scanner, so the gates are given what it says.
func TestGatesReadWhatIsSigned(t *testing.T) {
	t.Parallel()
	private, _ := signingKey(t)
	s, err := signature.NewSigner(t.Context(), private)
	require.NoError(t, err)
	statement, err := signature.Wrap("beta", strings.Repeat("0", 64), "https://cyclonedx.org/bom", []byte(`{"note":"the recipe"}`))
	require.NoError(t, err)
	bundle, err := s.Sign(t.Context(), statement)
	require.NoError(t, err)
	assert.NotContains(t, string(bundle), "the recipe")
	read, err := readable(signature.Document{Title: "x"}.Artifact(bundle, "me"))
	require.NoError(t, err)
	assert.Equal(t, [][]byte{statement}, read)
	_, err = readable(signature.Document{Title: "x"}.Artifact([]byte("{}"), "me"))
	require.Error(t, err, "nothing is not a document that is clean")
}

// refuse makes the registry refuse requests to paths with the text.
func (s *stage) refuse(path string) {
	deny := func(w http.ResponseWriter, r *http.Request) bool {
		if !strings.Contains(r.URL.Path, path) {
			return false
		}
		http.Error(w, `{"errors":[{"code":"DENIED","message":"no"}]}`, http.StatusForbidden)
		return true
	}
	s.deny.Store(&deny)
}
