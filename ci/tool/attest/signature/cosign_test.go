//go:build cosign

package signature

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/internal/sigstoretest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/referrer"
)

// cosign is the program, of `make bin/cosign`.
const cosign = "../../../../bin/cosign"

// What this package attaches is what cosign verifies, and refuses for the same reasons.
func TestCosign(t *testing.T) {
	program, err := filepath.Abs(cosign)
	require.NoError(t, err)
	r := testkit.NewRegistry(t)
	image := testkit.OCIImage(t, testkit.AMD64)
	raw, err := image.RawManifest()
	require.NoError(t, err)
	sum, err := image.Digest()
	require.NoError(t, err)
	media, err := image.MediaType()
	require.NoError(t, err)
	subject := v1.Descriptor{MediaType: media, Size: int64(len(raw)), Digest: sum}
	document := []byte(strings.Replace(string(statement(t, provenance.Parameters{Commit: commit, Image: "thumb"})), digest, sum.Hex, 1))
	secret, public := p256(t)
	_, other := p256(t)

	const someone = "https://github.com/them/lambdas/.github/workflows/main.yml@refs/heads/main"
	keyed := func(key string) []string { return []string{"--key", key, "--insecure-ignore-tlog=true"} }
	for title, c := range map[string]struct {
		age    time.Duration
		key    bool
		change bool
		args   func(s *sigstoretest.Sigstore) []string
		want   string
	}{
		"a key":              {key: true, args: func(*sigstoretest.Sigstore) []string { return keyed(public) }},
		"another key":        {key: true, args: func(*sigstoretest.Sigstore) []string { return keyed(other) }, want: "accepted signatures do not match threshold"},
		"a changed document": {key: true, change: true, args: func(*sigstoretest.Sigstore) []string { return keyed(public) }, want: "accepted signatures do not match threshold"},
		"an identity":        {args: func(s *sigstoretest.Sigstore) []string { return keyless(s, identity) }},
		"another identity":   {args: func(s *sigstoretest.Sigstore) []string { return keyless(s, someone) }, want: "no matching CertificateIdentity found"},
		"an expired certificate": {age: time.Hour, args: func(s *sigstoretest.Sigstore) []string { return keyless(s, identity) },
			want: "failed to verify leaf certificate"},
		"a changed document of an identity": {change: true, args: func(s *sigstoretest.Sigstore) []string { return keyless(s, identity) }, want: "failed to verify signature"},
	} {
		t.Run(title, func(t *testing.T) {
			sigstore := sigstoretest.Start(t, identity)
			sigstore.Age = c.age
			t.Setenv("SIGSTORE_ID_TOKEN", sigstore.Token(audience))
			s, err := NewKeyless(t.Context(), sigstore.SigningConfig)
			if c.key {
				s, err = NewSigner(t.Context(), secret)
			}
			require.NoError(t, err)
			bundle, err := s.Sign(t.Context(), document)
			require.NoError(t, err)
			if c.change {
				bundle = changed(t, bundle, func(s string) string { return strings.Replace(s, commit, "fedcba9", 1) })
			}
			repository := r.Push(t, "lambda-"+strings.ReplaceAll(title, " ", "-")+":thumb", image)
			repository, _, _ = strings.Cut(repository, "@")
			repository = strings.TrimSuffix(repository, ":thumb")
			attach(t, repository, subject, Document{Title: "p", Predicate: provenance.PredicateType, Commit: commit}.Artifact(bundle, s.Name))
			out, err := exec.CommandContext(t.Context(), program, append([]string{"verify-attestation", "--allow-http-registry", "--type", "slsaprovenance1", repository + "@" + sum.String()}, c.args(sigstore)...)...).CombinedOutput()
			if c.want == "" {
				require.NoError(t, err, string(out))
				assert.Contains(t, string(out), "The cosign claims were validated")
				return
			}
			require.Error(t, err)
			assert.Contains(t, string(out), c.want)
		})
	}
}

// keyless are the flags of cosign for a private Sigstore without logs.
func keyless(s *sigstoretest.Sigstore, who string) []string {
	return []string{"--trusted-root", s.TrustedRoot, "--certificate-identity", who, "--certificate-oidc-issuer", sigstoretest.Issuer,
		"--use-signed-timestamps", "--insecure-ignore-tlog=true", "--insecure-ignore-sct"}
}

func attach(t *testing.T, repository string, subject v1.Descriptor, a referrer.Artifact) {
	t.Helper()
	client := registry.NewClient(registry.Options{})
	for _, b := range a.Blobs() {
		_, err := client.PutBytes(t.Context(), repository, b.Content, b.MediaType)
		require.NoError(t, err)
	}
	require.NoError(t, referrer.Attach(t.Context(), client, repository, subject, []referrer.Artifact{a}))
}
