package main

import (
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	ggcr "github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// relabelled returns the image with other labels.
func relabelled(t *testing.T, img v1.Image, labels map[string]string) v1.Image {
	t.Helper()
	config, err := img.ConfigFile()
	require.NoError(t, err)
	c := config.DeepCopy().Config
	if c.Labels == nil {
		c.Labels = map[string]string{}
	}
	for name, value := range labels {
		c.Labels[name] = value
	}
	img, err = mutate.Config(img, c)
	require.NoError(t, err)
	return img
}

// An attacker changes an image in the layout that --from names, and keeps what the layout says
// of its sources.
func TestAForgedLayoutIsNotPublished(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	l, err := lock.Load(root)
	require.NoError(t, err)
	for title, c := range map[string]struct {
		forge func(t *testing.T, img v1.Image) v1.Image
		want  string
	}{
		"a layer with what is private": {func(t *testing.T, img v1.Image) v1.Image {
			layers, err := testkit.OCIImage(t, testkit.AMD64, layer.Text("opt/program", 0o755, proprietaryPrompt)).Layers()
			require.NoError(t, err)
			img, err = mutate.AppendLayers(img, layers...)
			require.NoError(t, err)
			return img
		}, "audit beta: content: layer 3 /opt/program contains text of "},
		"a prompt in a label": {func(t *testing.T, img v1.Image) v1.Image {
			return relabelled(t, img, map[string]string{"note": proprietaryPrompt})
		}, "audit beta: content: the configuration contains text of "},
		"labels of the pinned base": {func(t *testing.T, img v1.Image) v1.Image {
			return relabelled(t, img, map[string]string{image.LabelPin: string(image.Pinned), image.LabelBaseName: l.Base.Reference, image.LabelBaseDigest: l.Base.Digest})
		}, "audit beta: assembly: the configuration is not the one that bin/ci writes for these layers, from byte "},
	} {
		t.Run(title, func(t *testing.T) {
			dist := filepath.Join(t.TempDir(), "dist")
			built := command(t, root, "build-all", "--offline", "--out", dist)
			require.Equal(t, exitDone, built.code, built.stderr)
			d, err := layout.Find(dist, "beta")
			require.NoError(t, err)
			path, err := ggcr.FromPath(dist)
			require.NoError(t, err)
			img, err := path.Image(d.Digest)
			require.NoError(t, err)
			require.NoError(t, path.ReplaceImage(c.forge(t, img), match.Digests(d.Digest), ggcr.WithAnnotations(d.Annotations), ggcr.WithPlatform(*d.Platform)))
			r := registrytest.New(t)

			got := command(t, root, "publish", "--from", dist, "--offline", "--allow-dirty", "--commit", "aaaaaaa",
				"--private-registry", r.Host, "--public-registry", r.Host+"/alias")

			assert.Equal(t, exitFailed, got.code)
			assert.Contains(t, got.stderr, c.want)
			assert.Contains(t, got.stderr, "nothing was published")
			assert.Empty(t, r.Requests())
		})
	}
}

// The base that --base names is the attacker's.
func TestABaseThatHoldsWhatIsPrivate(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	l, err := lock.Load(root)
	require.NoError(t, err)
	bases := testkit.NewRegistry(t)
	posing := map[string]string{image.LabelPin: string(image.Pinned), image.LabelBaseName: l.Base.Reference, image.LabelBaseDigest: l.Base.Digest, image.LabelFFmpeg: l.FFmpeg.Pinned()}
	for title, c := range map[string]struct {
		base v1.Image
		want string // empty if the images pass, on this machine
	}{
		"a file":                   {testkit.OCIImage(t, testkit.AMD64, layer.Text("opt/prompt", 0o644, proprietaryPrompt)), "audit beta: content: layer 1 /opt/prompt contains text of "},
		"a label":                  {relabelled(t, testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x")), map[string]string{"note": proprietaryPrompt}), "audit beta: content: the configuration contains text of "},
		"labels that pose as ours": {relabelled(t, testkit.OCIImage(t, testkit.AMD64, layer.Text("x", 0o644, "x")), posing), ""},
	} {
		t.Run(title, func(t *testing.T) {
			reference := bases.Push(t, strings.ReplaceAll(title, " ", "-")+":1", c.base)
			r := registrytest.New(t)
			args := []string{"publish", "--allow-dirty", "--commit", "aaaaaaa", "--public-registry", r.Host + "/alias"}

			got := command(t, root, append(args, "--base", reference, "--private-registry", r.Host)...)

			if c.want != "" {
				assert.Equal(t, exitFailed, got.code)
				assert.Contains(t, got.stderr, c.want)
				assert.Empty(t, r.Requests())
				return
			}
			assert.Equal(t, exitDone, got.code, got.stderr)
			elsewhere := command(t, root, append(args, "--from", filepath.Join(root, "dist"), "--offline", "--private-registry", "registry.invalid")...)
			assert.Equal(t, exitFailed, elsewhere.code)
			assert.Contains(t, elsewhere.stderr, "publish beta to registry.invalid/lambda-private-light: its base is not known to be the pinned one")
		})
	}
}

// What is attached is read by the gates too, before a request is made.
func TestADocumentWithACredentialIsNotAttached(t *testing.T) {
	t.Parallel()
	key := "AIza" + "Sy7dK2mQ9xVb4LhT1nRw8cYpE6uJ0sGfZ3a"
	build := environment{"GITHUB_SERVER_URL": "", "CODEBUILD_BUILD_ARN": "arn:aws:codebuild:eu-central-1:123456789012:build/lambdas:" + key}
	r := registrytest.New(t)

	got := build.in(t, plain(t), "publish", "--offline", "--allow-dirty", "--commit", "aaaaaaa",
		"--private-registry", r.Host, "--public-registry", r.Host+"/alias")

	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "audit beta: secrets: beta.provenance.json byte ")
	assert.NotContains(t, got.stdout+got.stderr, key)
	assert.Empty(t, r.Requests())
}
