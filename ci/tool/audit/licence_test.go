package audit

import (
	"bytes"
	"path"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestLicence(t *testing.T) {
	program := layer.Text(image.FFmpegPath, 0o755, "ffmpeg")
	whole := append(licence.Files("a build"), program)
	without := func(name string) []layer.File {
		return slices.DeleteFunc(slices.Clone(whole), func(f layer.File) bool { return path.Base(f.Path) == name })
	}
	public, private := catalog.Public, catalog.Private
	tests := map[string]struct {
		registry catalog.Registry
		files    []layer.File
		applies  bool
		findings []string
	}{
		"all is there":   {public, whole, true, nil},
		"a private one":  {private, []layer.File{program}, false, nil},
		"no ffmpeg":      {public, []layer.File{layer.Text("etc/x", 0o644, "x")}, false, nil},
		"no source":      {public, without(licence.Source), true, []string{"the image has ffmpeg, but not /usr/local/share/licenses/ffmpeg/SOURCE;"}},
		"no licence":     {public, without("COPYING.GPLv3"), true, []string{"the image has ffmpeg, but not /usr/local/share/licenses/ffmpeg/COPYING.GPLv3;"}},
		"no build":       {public, without(licence.Build), true, []string{"/usr/local/share/licenses/ffmpeg/BUILD does not name the build of ffmpeg"}},
		"an empty build": {public, append(without(licence.Build), layer.Text(path.Join(licence.Dir, licence.Build), 0o644, "")), true, []string{"/usr/local/share/licenses/ffmpeg/BUILD does not name"}},
		"another text": {public, append(without("COPYING.GPLv3"), layer.Text(path.Join(licence.Dir, "COPYING.GPLv3"), 0o644, "do as you like")), true,
			[]string{"/usr/local/share/licenses/ffmpeg/COPYING.GPLv3 is not the licence text of ffmpeg"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var written bytes.Buffer
			_, err := layer.Write(&written, test.files, "")
			require.NoError(t, err)
			facts, err := ReadLayer(t.Context(), &written, limit.Unpacked)
			require.NoError(t, err)

			c := CheckLicence(catalog.Function{Image: "x", Registry: test.registry}, []LayerFacts{{}, facts})

			assert.Equal(t, test.applies, c.Applies)
			assert.Equal(t, len(test.findings) == 0, c.Passed, "%v", c.Findings)
			require.Len(t, c.Findings, len(test.findings))
			for i, want := range test.findings {
				assert.Contains(t, c.Findings[i], want)
			}
		})
	}
	t.Run("nothing to examine", func(t *testing.T) {
		assert.False(t, CheckLicence(catalog.Function{Image: "x", Registry: public}, nil).Passed)
	})
}
