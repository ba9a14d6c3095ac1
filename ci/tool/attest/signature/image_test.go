package signature

import (
	"net/http"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/attest/sbom"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/referrer"
)

const commit = "0123456"

// wrapped is the SBOM of the image.
func wrapped(t *testing.T) []byte {
	t.Helper()
	s, err := Wrap("thumb", digest, sbom.PredicateType, []byte(`{"bomFormat":"CycloneDX"}`))
	require.NoError(t, err)
	return s
}

func TestImage(t *testing.T) {
	secret, public := p256(t)
	theirs, _ := p256(t)
	signer := func(key string) *Signer {
		s, err := NewSigner(t.Context(), key)
		require.NoError(t, err)
		return s
	}
	own, other := signer(secret), signer(theirs)
	type signedBy struct {
		by *Signer
		Document
	}
	about := func(p provenance.Parameters) Document {
		return Document{Title: "p", Predicate: provenance.PredicateType, Statement: statement(t, p), Commit: p.Commit}
	}
	right := provenance.Parameters{Commit: commit, Image: "thumb"}
	good, list := about(right), Document{Title: "s", Predicate: sbom.PredicateType, Statement: wrapped(t), Commit: commit}
	unmarked := good // as other tools attach it
	unmarked.Commit = ""
	renamed := about(provenance.Parameters{Commit: "fedcba9", Image: "thumb"})
	renamed.Commit = commit // what anybody who writes to the registry can claim
	for title, c := range map[string]struct {
		all  []signedBy
		want string
	}{
		"both":                     {[]signedBy{{own, good}, {own, list}}, ""},
		"of another tool":          {[]signedBy{{own, unmarked}, {own, list}}, ""},
		"beside those of others":   {[]signedBy{{other, good}, {own, good}, {other, list}, {own, list}, {own, about(provenance.Parameters{Commit: "fedcba9", Image: "thumb"})}}, ""},
		"none":                     {nil, "thumb in REPOSITORY has no signed provenance of commit 0123456; sign it: bin/ci publish --commit 0123456 --sign KEY"},
		"the SBOM only":            {[]signedBy{{own, list}}, "has no signed provenance of commit 0123456"},
		"the provenance only":      {[]signedBy{{own, good}}, "has no signed SBOM of commit 0123456"},
		"by others":                {[]signedBy{{other, good}, {other, list}}, "has no signed provenance of commit 0123456 that is accepted: "},
		"of another image":         {[]signedBy{{own, about(provenance.Parameters{Commit: commit, Image: "video"})}, {own, list}}, `the provenance is that of image "video"`},
		"of an older commit":       {[]signedBy{{own, renamed}, {own, list}}, `the provenance is that of commit "fedcba9"`},
		"with uncommitted changes": {[]signedBy{{own, about(provenance.Parameters{Commit: commit, Image: "thumb", AllowDirty: true})}, {own, list}}, "--allow-dirty"},
	} {
		t.Run(title, func(t *testing.T) {
			r := testkit.NewRegistry(t)
			client := registry.NewClient(registry.Options{})
			subject := v1.Descriptor{MediaType: types.OCIManifestSchema1, Size: 5, Digest: testkit.Digest("thumb")}
			repository := r.Host + "/lambda-light"
			for _, s := range c.all {
				bundle, err := s.by.Sign(t.Context(), s.Statement)
				require.NoError(t, err)
				a := s.Artifact(bundle, s.by.Name)
				for _, b := range a.Blobs() {
					_, err := client.PutBytes(t.Context(), repository, b.Content, b.MediaType)
					require.NoError(t, err)
				}
				require.NoError(t, referrer.Attach(t.Context(), client, repository, subject, []referrer.Artifact{a}))
			}
			v := verifier(t, Policy{Key: public})
			name, err := v.Image(t.Context(), client, repository, subject.Digest, "thumb", commit)
			if c.want == "" {
				require.NoError(t, err)
				assert.Equal(t, own.Name, name)
				// What is signed is signed for this digest alone.
				_, err = v.Image(t.Context(), client, repository, testkit.Digest("other"), "thumb", commit)
				require.Error(t, err)
				// A registry that does not answer is no answer.
				r.Answer = func(w http.ResponseWriter, _ *http.Request) bool {
					http.Error(w, "no", http.StatusForbidden)
					return true
				}
				_, err = v.Image(t.Context(), client, repository, subject.Digest, "thumb", commit)
				var refused *RefusedError
				require.Error(t, err)
				require.NotErrorAs(t, err, &refused)
				return
			}
			require.ErrorContains(t, err, strings.ReplaceAll(c.want, "REPOSITORY", repository))
			var refused *RefusedError
			require.ErrorAs(t, err, &refused)
		})
	}
}

// Documents of one commit are attached once for each signer and kind.
func TestWhatTakesThePlaceOfADocument(t *testing.T) {
	subject := v1.Descriptor{MediaType: types.OCIManifestSchema1, Size: 5, Digest: testkit.Digest("thumb")}
	d := Document{Title: "p", Predicate: provenance.PredicateType, Commit: commit}
	there := d.Artifact([]byte("one"), "me")
	all := []referrer.Attached{{Type: MediaType, Commit: commit, Annotations: there.Annotations}}
	for title, c := range map[string]struct {
		a    referrer.Artifact
		want bool
	}{
		"signed again":   {d.Artifact([]byte("two"), "me"), true},
		"another signer": {d.Artifact([]byte("two"), "you"), false},
		"another kind":   {Document{Title: "s", Predicate: sbom.PredicateType, Commit: commit}.Artifact([]byte("two"), "me"), false},
		"another commit": {Document{Title: "p", Predicate: provenance.PredicateType, Commit: "fedcba9"}.Artifact([]byte("two"), "me"), false},
	} {
		t.Run(title, func(t *testing.T) {
			has, err := referrer.Has(all, c.a, subject)
			require.NoError(t, err)
			assert.Equal(t, c.want, has)
		})
	}
}
