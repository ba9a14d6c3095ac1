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
	const publish = "; these images are labelled offline; publish accepts them only on localhost (refused)"
	for name, c := range map[string]struct {
		lock         lock.Lock
		base, ffmpeg pin.Choice
		want         []string
	}{
		"all is pinned":              {locked, pinned, pinned, nil},
		"nothing was chosen":         {locked, pin.Choice{}, pin.Choice{}, nil},
		"static, as the user wants":  {locked, pin.Choice{Pin: image.Offline}, pin.Choice{Pin: image.Offline}, nil},
		"both cannot be reached":     {locked, out, out, []string{"no registry can be reached, so the build uses the static base and the static ffmpeg from the npm registry" + publish}},
		"the base cannot be reached": {locked, out, pinned, []string{"no registry can be reached, so the build uses the static base" + publish}},
		"ffmpeg cannot be reached":   {locked, pinned, out, []string{"no registry can be reached, so the build uses the static ffmpeg from the npm registry" + publish}},
		"another base":               {locked, named, pinned, []string{"r/other:1 is not the image that ci/images.lock.json pins; publish accepts these images only on localhost"}},
		"no digest yet": {unresolved, pin.Choice{Name: "r/base:1", Pin: image.Unpinned}, pin.Choice{}, []string{
			"r/base:1 has no digest in ci/images.lock.json yet; publish accepts these images only on localhost until you run `bin/ci lock`"}},
		"another base, while there is no digest yet": {unresolved, named, pin.Choice{}, []string{
			"r/other:1 is not the image that ci/images.lock.json pins; publish accepts these images only on localhost"}},
		"a moved ffmpeg and no base": {locked, out, pin.Choice{Name: "r/ffmpeg:1", Pin: image.Unpinned}, []string{
			"r/ffmpeg:1 is not the image that ci/images.lock.json pins; publish accepts these images only on localhost",
			"no registry can be reached, so the build uses the static base" + publish}},
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
