package provenance

import (
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protojson"

	"lambdas.internal/ci/tool/attest/composition"
	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/testkit"
)

var began = time.Date(2026, 11, 22, 19, 0, 0, 123, time.FixedZone("", 3600))

func heavy() composition.Image {
	return composition.Image{
		Name: "thumb", Platform: testkit.AMD64, Subject: v1.Descriptor{Digest: testkit.Digest("thumb")},
		Labels: map[string]string{
			image.LabelPin: string(image.Pinned), image.LabelBaseName: "public.ecr.aws/lambda/provided:al2023",
			image.LabelBaseDigest: testkit.Digest("base").String(),
			image.LabelFFmpeg:     "docker.io/mwader/static-ffmpeg:7.1.1@" + testkit.Digest("ffmpeg").String(),
		},
	}
}

func light() composition.Image {
	return composition.Image{
		Name: "api", Platform: testkit.ARM64, Subject: v1.Descriptor{Digest: testkit.Digest("api")},
		Labels: map[string]string{image.LabelPin: string(image.Offline), image.LabelBaseName: "static"},
		Layers: []composition.Layer{{Kind: image.KindBase, Digest: testkit.Digest("static")}},
	}
}

// fromNPM has ffmpeg from npm packages.
func fromNPM() composition.Image {
	i := heavy()
	i.Labels[image.LabelFFmpeg] = "npm @ffmpeg-installer/linux-x64@4.1.0, @ffprobe-installer/linux-x64@5.2.0"
	return i
}

func TestNew(t *testing.T) {
	github := BuilderOf(environment(map[string]string{
		"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "us/lambdas", "GITHUB_RUN_ID": "7", "GITHUB_RUN_ATTEMPT": "2",
		"GITHUB_WORKFLOW_REF": "us/lambdas/.github/workflows/release.yml@refs/heads/main",
	}))
	const whole = "0123456789abcdef0123456789abcdef01234567"
	tests := map[string]struct {
		image composition.Image
		build Build
	}{
		"github": {heavy(), Build{
			Source:  Source{Commit: "0123456", Checkout: whole, Repository: github.Repository},
			Builder: github, Started: began, Finished: began.Add(90 * time.Second),
		}},
		"public": {heavy(), Build{
			Source:  Source{Commit: "0123456", Checkout: whole, Repository: github.Repository},
			Builder: github, Started: began, Finished: began.Add(90 * time.Second),
		}.Public()},
		"npm": {fromNPM(), Build{
			Source: Source{Commit: "0123456"}, Builder: Builder{ID: Local}, Started: began, Finished: began,
			Go:      Resource{URI: "pkg:oci/golang@sha256:0123", Digest: map[string]string{"sha256": testkit.Digest("go").Hex}},
			Digests: map[string]string{"pkg:npm/%40ffmpeg-installer/linux-x64@4.1.0": "sha512:" + strings.Repeat("01", 64), "pkg:npm/%40ffprobe-installer/linux-x64@5.2.0": "sha512:" + strings.Repeat("02", 64)},
		}},
		"local-dirty":   {light(), Build{Source: Source{Commit: "0123456", Checkout: whole, Dirty: true}, Builder: Builder{ID: Local}, Started: began, Finished: began}},
		"no-git-at-all": {light(), Build{Source: Source{Commit: "0123456"}, Builder: Builder{ID: Local}, Started: began, Finished: began}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			document, err := New(test.image, "go1.26.8", test.build)
			require.NoError(t, err)
			testkit.Golden(t, name+".json", document)

			// Valid by the library.
			var statement intoto.Statement
			require.NoError(t, protojson.Unmarshal(document, &statement))
			require.NoError(t, statement.Validate())
			raw, err := statement.GetPredicate().MarshalJSON()
			require.NoError(t, err)
			var predicate slsa.Provenance
			require.NoError(t, protojson.Unmarshal(raw, &predicate))
			require.NoError(t, predicate.Validate())

			read, err := Read(document)
			require.NoError(t, err)
			assert.Equal(t, test.build.Source.Commit, read.Predicate.BuildDefinition.ExternalParameters.Commit)
			assert.Equal(t, test.build.Builder.ID, predicate.GetRunDetails().GetBuilder().GetId())
		})
	}
}

func TestEveryMomentGivesTheSameLength(t *testing.T) {
	length := 0
	for _, at := range []time.Time{began, began.Add(7 * time.Hour), began.Add(time.Nanosecond), time.Unix(0, 0)} {
		document, err := New(heavy(), "go1.26.8", Build{Builder: Builder{ID: Local}, Started: at, Finished: at})
		require.NoError(t, err)
		if length != 0 {
			assert.Len(t, document, length)
		}
		length = len(document)
	}
}

func TestRead(t *testing.T) {
	_, err := Read([]byte(`{"predicateType":"https://spdx.dev/Document"}`))
	require.EqualError(t, err, `read the provenance: it is a statement of "https://spdx.dev/Document"`)
	_, err = Read([]byte("no"))
	require.ErrorContains(t, err, "read the provenance: ")
}

func environment(values map[string]string) func(string) string {
	return func(name string) string { return values[name] }
}

func TestBuilderOf(t *testing.T) {
	const arn = "arn:aws:codebuild:eu-central-1:123456789012:build/lambdas:8b3c"
	tests := map[string]struct {
		environment map[string]string
		want        Builder
	}{
		"nothing": {nil, Builder{ID: Local}},
		"GitHub, only the required variables": {map[string]string{"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "us/lambdas"},
			Builder{ID: "https://github.com/us/lambdas", Repository: "https://github.com/us/lambdas"}},
		"GitHub, a server with a login": {map[string]string{"GITHUB_SERVER_URL": "https://user:secret@github.com/?token=secret#secret", "GITHUB_REPOSITORY": "us/lambdas?token=secret", "GITHUB_WORKFLOW_REF": "us/lambdas/x.yml@refs/heads/main#secret", "GITHUB_RUN_ID": "7"},
			Builder{ID: "https://github.com/us/lambdas/x.yml@refs/heads/main", Repository: "https://github.com/us/lambdas", Invocation: "https://github.com/us/lambdas/actions/runs/7"}},
		"CodeBuild, an address with a token": {map[string]string{"CODEBUILD_BUILD_ARN": arn, "CODEBUILD_SOURCE_REPO_URL": "https://github.com/us/lambdas.git?token=secret"}, Builder{
			ID: "arn:aws:codebuild:eu-central-1:123456789012:project/lambdas", Invocation: arn, Repository: "https://github.com/us/lambdas"}},
		"CodeBuild": {map[string]string{"CODEBUILD_BUILD_ARN": arn, "CODEBUILD_SOURCE_REPO_URL": "https://token@github.com/us/lambdas.git"}, Builder{
			ID: "arn:aws:codebuild:eu-central-1:123456789012:project/lambdas", Invocation: arn, Repository: "https://github.com/us/lambdas"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { assert.Equal(t, test.want, BuilderOf(environment(test.environment))) })
	}
}

func TestAddress(t *testing.T) {
	for remote, want := range map[string]string{
		"https://github.com/us/lambdas.git":         "https://github.com/us/lambdas",
		"https://user:secret@github.com/us/lambdas": "https://github.com/us/lambdas",
		"https://a@b:secret@github.com/us/lambdas":  "https://github.com/us/lambdas",
		"ssh://git@github.com:22/us/lambdas.git":    "ssh://github.com:22/us/lambdas",
		"git@github.com:us/lambdas.git":             "ssh://github.com/us/lambdas",
		"/home/somebody/lambdas":                    "",
		"../lambdas":                                "",
		"file:///home/somebody/lambdas":             "",
		"":                                          "",
		"https://github.com/us/lambdas.git?access_token=secret#secret": "https://github.com/us/lambdas",
		"https://github.com/us/lambdas?token=secret":                   "https://github.com/us/lambdas",
		"https://github.com?x=/us&token=secret":                        "https://github.com",
		"git@github.com:us/lambdas.git?token=secret":                   "ssh://github.com/us/lambdas",
		"git@github.com:us/lambdas#secret":                             "ssh://github.com/us/lambdas",
		"user:secret@github.com:us/lambdas":                            "",
		"codecommit::eu-central-1://secret@lambdas":                    "",
		"ext::ssh -i secret github.com %S us/lambdas":                  "",
		"https://user:sec%ret@github.com/us":                           "",
	} {
		assert.Equal(t, want, Address(remote), remote)
	}
}

// The pipeline of another workspace has another name.
func TestIdentity(t *testing.T) {
	b := Build{Identity: "https://example.com/p", Source: Source{Commit: "0123456"}, Builder: BuilderOf(environment(nil))}
	for name, c := range map[string]struct {
		build Build
		want  string
	}{"private": {b, "https://example.com/p/builder/local"}, "public": {b.Public(), "https://example.com/p/builder/undisclosed"}} {
		t.Run(name, func(t *testing.T) {
			document, err := New(light(), "go1.26.8", c.build)
			require.NoError(t, err)
			s, err := Read(document)
			require.NoError(t, err)
			assert.Equal(t, "https://example.com/p/build-all/v1", s.Predicate.BuildDefinition.BuildType)
			assert.Equal(t, c.want, s.Predicate.RunDetails.Builder.ID)
			assert.NotContains(t, string(document), "lambdas.internal")
		})
	}
}
