package build_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// compiling is the name of the step that compiles n functions.
func compiling(n int) string {
	return "compile " + report.Count(n, "function") + " with " + testkit.Toolchain() + " for linux/amd64"
}

func TestAll(t *testing.T) {
	w := newWorld(t)
	w.Cache = testkit.Cache(t)

	first := w.all(t)

	assert.Equal(t, "linux/amd64", first.Platform)
	assert.Empty(t, first.Warnings)
	assert.Empty(t, first.Failed())
	assert.Equal(t, map[string]string{"api": "", "enhance": "", "thumb": ""}, reused(first))
	held := w.held(t)
	ffmpegs := map[string]bool{}
	for i, row := range first.Images {
		var kinds []string
		var size int64
		for _, l := range row.Layers {
			kinds = append(kinds, l.Kind)
			size += l.Size
			if l.Kind == "ffmpeg" {
				ffmpegs[l.Digest] = true
			}
		}
		want := []string{"base", "binary"}
		if row.Variant == catalog.Heavy {
			want = []string{"base", "ffmpeg", "binary"}
			assert.Regexp(t, "^"+w.Lock.FFmpeg.Reference+"@sha256:", row.FFmpeg)
		}
		assert.Equal(t, want, kinds)
		assert.Equal(t, size, row.Size)
		assert.Equal(t, w.Catalog.Functions[i], row.Function)
		assert.Equal(t, held[row.Image], row.Digest)
		assert.Equal(t, w.Lock.Base.Reference, row.Base)
		assert.Equal(t, w.Lock.Base.Digest, row.BaseDigest)
		assert.Equal(t, image.Pinned, row.Pin)
		assert.Equal(t, "base:1", row.BaseName())
	}
	assert.Len(t, ffmpegs, 1)
	assert.ElementsMatch(t, []string{"base", "ffmpeg layer", compiling(3), "assemble"}, w.steps)
	assert.Empty(t, w.failed)

	w.registry.Stop() // the second run asks no registry
	second := w.all(t)
	assert.Equal(t, map[string]string{"api": "base,binary", "enhance": "base,binary", "thumb": "base,ffmpeg,binary"}, reused(second))
	assert.Equal(t, held, w.held(t))

	w.change(t, map[string]string{api + "main.go": "package main\n\nfunc main() { println(\"edited\") }\n"})
	third := w.all(t)
	assert.Equal(t, map[string]string{"api": "base", "enhance": "base,binary", "thumb": "base,ffmpeg,binary"}, reused(third))
	after := w.held(t)
	assert.NotEqual(t, held["api"], after["api"])
	assert.Equal(t, held["enhance"], after["enhance"])
	assert.Equal(t, held["thumb"], after["thumb"])
}

func TestAllForARM64(t *testing.T) {
	w := newWorld(t)
	amd64 := w.all(t)
	w.Platform = testkit.ARM64

	arm64 := w.all(t)

	assert.Empty(t, arm64.Failed())
	assert.Equal(t, "linux/arm64", arm64.Platform)
	for i := range amd64.Images {
		for n := range amd64.Images[i].Layers {
			assert.NotEqual(t, amd64.Images[i].Layers[n].Digest, arm64.Images[i].Layers[n].Digest)
		}
	}
	index, err := layout.Index(w.dist)
	require.NoError(t, err)
	for _, d := range index.Manifests {
		assert.Equal(t, "arm64", d.Platform.Architecture)
	}
}

func TestSeveralArchitecturesInOneLayout(t *testing.T) {
	w := newWorld(t)
	w.all(t)
	alone := w.held(t)
	both := []string{"amd64", "arm64"}

	r, err := w.Each(t.Context(), both, w.Catalog.Functions, w.dist)

	require.NoError(t, err)
	require.Empty(t, r.Failed())
	assert.Equal(t, "linux/amd64, linux/arm64", r.Platform)
	held := w.held(t)
	assert.Len(t, held, 2*len(alone))
	for name, digest := range alone {
		assert.Equal(t, digest, held[name+":amd64"], "the image is the same as alone")
		assert.NotEqual(t, digest, held[name+":arm64"])
	}
	var table bytes.Buffer
	require.NoError(t, r.Table(&table, "dist"))
	assert.Regexp(t, `(?m)^api .* sha256:\w{12}  linux/amd64$`, table.String())
	assert.Regexp(t, `(?m)^api .* sha256:\w{12}  linux/arm64$`, table.String())

	_, err = w.Each(t.Context(), both, w.Catalog.Functions[:1], w.dist)
	require.NoError(t, err)
	assert.Equal(t, held, w.held(t), "the other images stay")
	_, err = layout.Find(w.dist, "api")
	require.EqualError(t, err, w.dist+" has image \"api\" for several architectures, as api:amd64 and api:arm64; build it for one, and pass that folder: bin/ci build-all --platform linux/amd64 --out FOLDER")
	w.all(t)
	assert.Equal(t, alone, w.held(t), "built for one again, there is one of each")
}

func TestAFunctionThatFailsKeepsItsEarlierImage(t *testing.T) {
	w := newWorld(t)
	w.all(t)
	before := w.held(t)
	w.change(t, map[string]string{
		api + "main.go":   "package main\n\nfunc main() { undefined() }\n",
		thumb + "main.go": "package main\n\nfunc main() { println(\"edited\") }\n",
	})

	r := w.all(t)

	require.Len(t, r.Failed(), 1)
	var compile *gobuild.CompileError
	require.ErrorAs(t, r.Failed()[0], &compile)
	assert.Equal(t, "api", r.Images[0].Image)
	assert.Contains(t, r.Images[0].Error, "undefined: undefined")
	assert.Equal(t, []string{compiling(3), "assemble"}, w.failed)
	assert.Empty(t, r.Images[0].Digest)
	after := w.held(t)
	assert.Equal(t, before["api"], after["api"])
	assert.NotEqual(t, before["thumb"], after["thumb"])
}

func TestAllFailing(t *testing.T) {
	w := newWorld(t)
	w.all(t)
	before := testkit.Tree(t, w.dist)
	w.change(t, map[string]string{api + "main.go": "package main\n\nfunc main() { undefined() }\n"})

	r := w.all(t, "api")

	assert.Len(t, r.Failed(), 1)
	assert.Equal(t, []string{compiling(1), "assemble"}, w.failed)
	assert.Equal(t, before, testkit.Tree(t, w.dist))
}

func TestOnlyKeepsTheOthers(t *testing.T) {
	w := newWorld(t)
	w.all(t)
	before := w.held(t)
	w.change(t, map[string]string{
		api + "main.go":                    "package main\n\nfunc main() { println(\"edited\") }\n",
		"functions/enhance-lambda/main.go": "package main\n\nfunc main() { println(\"edited\") }\n",
	})

	r := w.all(t, "api")

	assert.Len(t, r.Images, 1)
	after := w.held(t)
	assert.NotEqual(t, before["api"], after["api"])
	assert.Equal(t, before["enhance"], after["enhance"])
	assert.Equal(t, before["thumb"], after["thumb"])
	assert.NotContains(t, w.steps[4:], "ffmpeg layer", "no heavy image is made")
}

func TestTheImageOfARemovedFunctionIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.all(t)
	require.NoError(t, os.RemoveAll(filepath.Join(w.Catalog.Root, "functions", "thumbnail-lambda")))
	w.change(t, map[string]string{"go.work": strings.Replace(testkit.Files(t)["go.work"], "\t./functions/thumbnail-lambda\n", "", 1)})

	w.all(t, "api")

	held := w.held(t)
	assert.Len(t, held, 2)
	assert.NotContains(t, held, "thumb")
}

func TestFFmpegThatFailsFailsHeavyImagesOnly(t *testing.T) {
	w := newWorld(t)
	w.FFmpegRef = w.registry.Host + "/gone:1"

	r := w.all(t)

	require.Len(t, r.Failed(), 1)
	require.ErrorContains(t, r.Images[2].Err, "make image thumb: choose ffmpeg: "+w.FFmpegRef)
	assert.Equal(t, []string{"ffmpeg layer", "assemble"}, w.failed)
	held := w.held(t)
	assert.Len(t, held, 2)
	assert.NotContains(t, held, "thumb")
}

func TestABaseThatFailsFailsAll(t *testing.T) {
	w := newWorld(t)
	w.BaseRef = w.registry.Host + "/gone:1"

	_, err := w.All(t.Context(), w.Catalog.Functions, w.dist)

	require.ErrorContains(t, err, "choose the base: "+w.BaseRef)
	assert.Contains(t, w.failed, "base")
	_, err = os.Stat(w.dist)
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestACancelledBuildLeavesDistAlone(t *testing.T) {
	w := newWorld(t)
	w.all(t)
	before := testkit.Tree(t, w.dist)
	w.change(t, map[string]string{api + "main.go": "package main\n\nfunc main() { println(\"edited\") }\n"})
	ctx, cancel := context.WithCancelCause(t.Context())
	step := w.Step
	interrupted := errors.New("interrupted")
	w.Step = func(of context.Context, name string) (context.Context, func(error)) {
		if strings.HasPrefix(name, "compile") {
			cancel(interrupted)
		}
		return step(of, name)
	}

	_, err := w.All(ctx, w.Catalog.Functions, w.dist)

	require.ErrorIs(t, err, interrupted)
	assert.Contains(t, w.failed, compiling(3))
	assert.Equal(t, before, testkit.Tree(t, w.dist))
}
