package build_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/workspace/lock"
)

func TestWarnings(t *testing.T) {
	const digest = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	locked := lock.Lock{Base: lock.Image{Reference: "r/base:1", Digest: digest}, FFmpeg: lock.Image{Reference: "r/ffmpeg:1", Digest: digest}}
	unresolved := lock.Lock{Base: lock.Image{Reference: "r/base:1"}, FFmpeg: lock.Image{Reference: "r/ffmpeg:1"}}
	pinned := pin.Choice{Name: "r/base:1", Pin: image.Pinned}
	named := pin.Choice{Name: "r/other:1", Pin: image.Unpinned}
	out := pin.Choice{Pin: image.Offline, Reason: "refused"}
	const publish = "; these images are marked offline and publish refuses them (refused)"
	for name, c := range map[string]struct {
		lock         lock.Lock
		base, ffmpeg pin.Choice
		want         []string
	}{
		"all is pinned":             {locked, pinned, pinned, nil},
		"nothing was chosen":        {locked, pin.Choice{}, pin.Choice{}, nil},
		"static, as the user wants": {locked, pin.Choice{Pin: image.Offline}, pin.Choice{Pin: image.Offline}, nil},
		"both out of reach":         {locked, out, out, []string{"no registry in reach, using the static base and the static ffmpeg of the npm registry" + publish}},
		"the base out of reach":     {locked, out, pinned, []string{"no registry in reach, using the static base" + publish}},
		"ffmpeg out of reach":       {locked, pinned, out, []string{"no registry in reach, using the static ffmpeg of the npm registry" + publish}},
		"another base":              {locked, named, pinned, []string{"r/other:1 is not what ci/images.lock.json pins: publish refuses these images"}},
		"no digest yet": {unresolved, pin.Choice{Name: "r/base:1", Pin: image.Unpinned}, pin.Choice{}, []string{
			"r/base:1 has no digest in ci/images.lock.json yet: run `ci lock`; until then publish refuses these images"}},
		"another base, while there is no digest yet": {unresolved, named, pin.Choice{}, []string{
			"r/other:1 is not what ci/images.lock.json pins: publish refuses these images"}},
		"a moved ffmpeg and no base": {locked, out, pin.Choice{Name: "r/ffmpeg:1", Pin: image.Unpinned}, []string{
			"r/ffmpeg:1 is not what ci/images.lock.json pins: publish refuses these images",
			"no registry in reach, using the static base" + publish}},
	} {
		t.Run(name, func(t *testing.T) {
			b := &build.Builder{Lock: &c.lock}

			got := b.Warnings(c.base, c.ffmpeg)

			assert.Equal(t, c.want, got)
			assert.NotContains(t, strings.Join(got, ""), "\n")
		})
	}
}

func TestBaseName(t *testing.T) {
	for want, row := range map[string]build.Row{
		"provided:al2023":            {Base: "public.ecr.aws/lambda/provided:al2023", Pin: image.Pinned},
		"provided:al2023 (unpinned)": {Base: "public.ecr.aws/lambda/provided:al2023", Pin: image.Unpinned},
		"static (offline)":           {Base: "static", Pin: image.Offline},
	} {
		assert.Equal(t, want, row.BaseName())
	}
}
