package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// sources are what a workspace starts from, a base for two platforms and an ffmpeg, in
// a registry for each prefix.
func sources(t *testing.T, prefixes ...string) (registries []*testkit.Registry, base, ffmpeg v1.Hash) {
	t.Helper()
	index, tools := testkit.Base(t), testkit.FFmpeg(t)
	for _, prefix := range prefixes {
		r := testkit.NewRegistry(t)
		r.Push(t, prefix+"lambda/provided:al2023", index)
		r.Push(t, prefix+"mwader/static-ffmpeg:9.0.2", tools)
		r.Push(t, prefix+"library/golang:"+strings.TrimPrefix(runtime.Version(), "go")+"-bookworm", tools)
		registries = append(registries, r)
	}
	return registries, testkit.DigestOf(t, index), testkit.DigestOf(t, tools)
}

// pinned writes a workspace with a heavy function whose lock file pins the images.
func pinned(t *testing.T, aws, hub string, base, ffmpeg v1.Hash, mirrors lock.Mirrors) string {
	t.Helper()
	l := lock.New(runtime.Version())
	l.Base = lock.Image{Reference: aws + "/lambda/provided:al2023", Digest: base.String()}
	l.FFmpeg = lock.Image{Reference: hub + "/mwader/static-ffmpeg:9.0.2", Digest: ffmpeg.String()}
	l.Mirrors = mirrors
	data, err := json.Marshal(l)
	require.NoError(t, err)
	return publishable(t, map[string]string{
		"ci/images.lock.json":         string(data),
		"go.work":                     fmt.Sprintf("go 1.26.1\n\ntoolchain %s\n\nuse (\n\t./functions/alpha\n\t./functions/beta\n\t./functions/gamma\n\t./shared\n)\n", runtime.Version()),
		"shared/ffmpeg/ffmpeg.go":     "package ffmpeg\n\nfunc Run() {}\n",
		"functions/gamma/image.json":  `{"image": "gamma", "variant": "heavy", "registry": "private", "lambda": "TheGamma", "reason": "a third"}`,
		"functions/gamma/go.mod":      "module example.internal/gamma\n\ngo 1.26.1\n\nrequire example.internal/shared v0.0.0\n\nreplace example.internal/shared => ../../shared\n",
		"functions/gamma/main.go":     "package main\n\nimport \"example.internal/shared/ffmpeg\"\n\nfunc main() { ffmpeg.Run() }\n",
		"functions/gamma/client.go":   testkit.Client,
		"functions/gamma/testdata/.x": "",
	})
}

// A first publish needs no flag but the registries' addresses. The images are the same,
// whichever mirror served what is pinned.
func TestTheFirstPublishFromPins(t *testing.T) {
	t.Parallel()
	registries, base, ffmpeg := sources(t, "", "cache/")
	own, mirror := registries[0], registries[1]
	const aws, hub = "public.ecr.aws", "docker.io"
	published := map[string]map[string]string{}
	for name, c := range map[string]struct {
		aws, hub string
		field    lock.Mirrors
		flags    []string
	}{
		"no mirror":                         {own.Host, own.Host, nil, nil},
		"a mirror that the lock file names": {aws, hub, lock.Mirrors{aws: own.Host, hub: own.Host}, nil},
		"a mirror that a flag names":        {aws, hub, lock.Mirrors{aws: "127.0.0.1:1"}, []string{"--mirror", aws + "=" + mirror.Host + "/cache", "--mirror", hub + "=" + mirror.Host + "/cache"}},
	} {
		t.Run(name, func(t *testing.T) {
			r := registrytest.New(t)
			root := pinned(t, c.aws, c.hub, base, ffmpeg, c.field)

			got := alone(t, root, append([]string{"publish", "--commit", "abc1234", "--allow-dirty", "--json",
				"--private-registry", r.Host, "--public-registry", r.Host + "/alias"}, c.flags...)...)

			p := decode(t, got)
			assert.NotContains(t, got.stderr, "warning")
			published[name] = map[string]string{}
			for _, s := range p.Steps {
				published[name][s.Image] = s.Digest
			}
			assert.Len(t, published[name], 3)
			built := alone(t, root, append([]string{"build-all"}, c.flags...)...)
			assert.Contains(t, built.stdout, "provided:al2023", "the base of the lock file, without a word about its pin")
			assert.NotContains(t, built.stdout, "(")
		})
	}
	assert.Equal(t, published["a mirror that the lock file names"], published["a mirror that a flag names"])
}

// An image layout from elsewhere is compared with what its pins name, by the layers. What is
// pinned comes from its registry; if that does not answer, the image stays here.
func TestPinsAreComparedByTheirLayers(t *testing.T) {
	t.Parallel()
	registries, base, ffmpeg := sources(t, "")
	own := registries[0]
	root := pinned(t, own.Host, own.Host, base, ffmpeg, nil)
	built := alone(t, root, "build-all")
	require.Equal(t, exitDone, built.code, built.stderr)
	publish := func() result {
		require.NoError(t, os.RemoveAll(filepath.Join(root, ".cache")))
		return alone(t, root, "publish", "--from", filepath.Join(root, "dist"), "--allow-dirty", "--commit", "abc1234", "--dry-run",
			"--private-registry", "registry.invalid", "--public-registry", "127.0.0.1:1/alias")
	}

	got := publish()
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "registry.invalid: Get ", "the pins are right, so the registry is asked")
	assert.NotContains(t, got.stderr, "pinned")

	own.Stop()
	got = publish()
	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "ci: warning: a pinned image could not be read: ")
	for _, name := range []string{"alpha", "beta", "gamma"} {
		assert.Contains(t, got.stderr, "ci: publish "+name+" to registry.invalid/lambda-private-")
	}
	assert.Contains(t, got.stderr, ": its base is not known to be the pinned one: it has other layers, or the pinned one could not be read; build it from")

	got = alone(t, root, "audit", "--from", filepath.Join(root, "dist"))
	assert.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "3 layers, base unknown: every file is read, ffmpeg unknown: every file is read")
}

func TestAPinThatIsGone(t *testing.T) {
	t.Parallel()
	registries, base, ffmpeg := sources(t, "")
	own := registries[0]
	root := pinned(t, own.Host, own.Host, ffmpeg, ffmpeg, nil)

	got := alone(t, root, "build-all")

	assert.Equal(t, exitFailed, got.code)
	assert.Equal(t, fmt.Sprintf("ci: choose the base: %s/lambda/provided:al2023@%s is gone from its registry; the tag names %s now; to use that: bin/ci lock, then commit %s\n",
		own.Host, ffmpeg, base, lock.File), got.stderr)
}

func TestLockMakesItsFileFromNothing(t *testing.T) {
	registries, base, ffmpeg := sources(t, "")
	own := registries[0]
	testkit.NewNPM(t)
	root := publishable(t, nil)
	require.NoError(t, os.RemoveAll(filepath.Join(root, "ci")))
	testkit.Write(t, root, map[string]string{"ci/docker/Dockerfile.light": "ARG BASE=old:1\nFROM ${BASE}\n"})
	missing := alone(t, root, "build-all")
	assert.Equal(t, "ci: the workspace has no lock file (ci/images.lock.json); make it: bin/ci lock\n", missing.stderr)

	got := alone(t, root, "lock", "--mirror", "public.ecr.aws="+own.Host, "--mirror", "docker.io="+own.Host)

	assert.Contains(t, got.stdout, base.String())
	l, err := lock.Load(root)
	require.NoError(t, err)
	assert.Equal(t, base.String(), l.Base.Digest)
	assert.Equal(t, "public.ecr.aws/lambda/provided:al2023", l.Base.Reference)
	assert.Equal(t, ffmpeg.String(), l.FFmpeg.Digest)
	assert.Equal(t, ffmpeg.String(), l.Builder.Digest)
	assert.Contains(t, got.stderr, "ci: ci/docker/Dockerfile.light names the images of ci/images.lock.json now\n")
	assert.Equal(t, "ARG BASE="+l.Base.Pinned()+"\nFROM ${BASE}\n", testkit.Tree(t, filepath.Join(root, "ci", "docker"))["Dockerfile.light"])
}
