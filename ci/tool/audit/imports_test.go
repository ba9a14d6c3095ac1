package audit

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// pkg is a package of the workspace /w.
func pkg(path string, imports ...string) gobuild.Package {
	return gobuild.Package{ImportPath: path, Dir: "/w/" + path, Imports: imports}
}

func embedding(p gobuild.Package, files ...string) gobuild.Package {
	p.EmbedFiles = files
	return p
}

// linked adds a source that is a link to another place.
func linked(p gobuild.Package, name, to string) gobuild.Package {
	p.GoFiles = append(p.GoFiles, name)
	p.Real = map[string]string{name: to}
	return p
}

var public = catalog.Function{Folder: "functions/a", Image: "a", Registry: catalog.Public, Variant: catalog.Light}

func TestImports(t *testing.T) {
	private := public
	private.Registry = catalog.Private
	tests := map[string]struct {
		function catalog.Function
		packages []gobuild.Package
		findings []string
		applies  bool
	}{
		"nothing proprietary": {public, []gobuild.Package{pkg("functions/a", "shared/x"), pkg("shared/x"), pkg("shared/proprietary/p")}, nil, true},
		"a direct import": {public, []gobuild.Package{pkg("functions/a", "shared/proprietary/p"), pkg("shared/proprietary/p")},
			[]string{"a is public, but imports private code: functions/a -> shared/proprietary/p"}, true},
		"an indirect import, by the shortest path": {public, []gobuild.Package{
			pkg("functions/a", "x", "y"), pkg("x", "z"), pkg("z", "shared/proprietary/p"), pkg("y", "shared/proprietary/p"), pkg("shared/proprietary/p")},
			[]string{"a is public, but imports private code: functions/a -> y -> shared/proprietary/p"}, true},
		"a vendored import": {public, []gobuild.Package{
			{ImportPath: "functions/a", Dir: "/w/functions/a", Imports: []string{"p"}, ImportMap: map[string]string{"p": "vendor/p"}},
			{ImportPath: "vendor/p", Dir: "/w/shared/proprietary/p"}},
			[]string{"a is public, but imports private code: functions/a -> vendor/p"}, true},
		"an embedded prompt": {public, []gobuild.Package{pkg("functions/a", "shared"), embedding(pkg("shared"), "proprietary/prompt.txt", "fine.txt")},
			[]string{"a is public, but embeds the private file shared/proprietary/prompt.txt: functions/a -> shared"}, true},
		"a package of a private function": {public, []gobuild.Package{pkg("functions/a", "functions/hidden/recipe"), pkg("functions/hidden/recipe")},
			[]string{"a is public, but imports private code: functions/a -> functions/hidden/recipe"}, true},
		"a file that is a link": {public, []gobuild.Package{pkg("functions/a", "shared/x"), linked(pkg("shared/x"), "score.go", "/w/shared/proprietary/p/score.go")},
			[]string{"a is public, but imports the private file shared/proprietary/p/score.go: functions/a -> shared/x"}, true},
		"a folder with a similar name": {public, []gobuild.Package{pkg("functions/a", "shared/proprietaryless"), pkg("shared/proprietaryless")}, nil, true},
		"a package that private functions have too": {public, []gobuild.Package{pkg("functions/a", "shared/x"), pkg("shared/x", "shared/score", "shared/rank"), pkg("functions/hidden", "shared/rank", "shared/score"), pkg("shared/score"), pkg("shared/rank")},
			[]string{"a is public, but imports shared/rank of the private hidden: functions/a -> shared/x -> shared/rank; if all may read it, add to `packages` in ci/public.json: \"shared/score\", \"shared/rank\""}, true},
		"a package that all may read": {public, []gobuild.Package{pkg("functions/a", "shared/log"), pkg("functions/hidden", "shared/log"), pkg("shared/log")}, nil, true},
		"a private function":          {private, []gobuild.Package{pkg("functions/a", "shared/proprietary/p"), pkg("shared/proprietary/p")}, nil, false},
		"a function without packages": {public, []gobuild.Package{pkg("functions/b")},
			[]string{"nothing was examined (0 packages, 0 embedded files): cannot check"}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			graph := gobuild.NewGraph("/w", test.packages)
			hidden := catalog.Function{Folder: "functions/hidden", Image: "hidden", Registry: catalog.Private}
			c := CheckImports(test.function, graph, []string{proprietary, hidden.Folder}, NewShared([]catalog.Function{public, hidden}, graph, []string{"shared/log"}))
			assert.Equal(t, test.findings, c.Findings)
			assert.Equal(t, len(test.findings) == 0, c.Passed)
			assert.Equal(t, test.applies, c.Applies)
			assert.NotEmpty(t, c.Examined)
		})
	}
}

func TestFFmpeg(t *testing.T) {
	uses := gobuild.NewGraph("/w", []gobuild.Package{pkg("functions/a", "shared/ffmpeg"), pkg("shared/ffmpeg")})
	doesNot := gobuild.NewGraph("/w", []gobuild.Package{pkg("functions/a")})
	with := []LayerFacts{{}, {Files: map[string]FileFacts{image.FFmpegPath: {}}}}
	without := []LayerFacts{{}}
	tests := map[string]struct {
		graph   *gobuild.Graph
		layers  []LayerFacts
		finding string
	}{
		"used and there":          {uses, with, ""},
		"neither":                 {doesNot, without, ""},
		"used and missing":        {uses, without, "a uses ffmpeg (functions/a -> shared/ffmpeg), but its image does not have it; set `variant` to heavy in functions/a/image.json"},
		"there and not used":      {doesNot, with, "the image has /usr/local/bin/ffmpeg, but a does not import shared/ffmpeg; set `variant` to light in functions/a/image.json"},
		"no layer was examined":   {doesNot, nil, "nothing was examined (1 package, 0 layers): cannot check"},
		"no package was examined": {gobuild.NewGraph("/w", nil), without, "nothing was examined (0 packages, 1 layer): cannot check"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := CheckFFmpeg(public, test.graph, test.layers, "shared/ffmpeg")
			if test.finding == "" {
				assert.True(t, c.Passed, c.Findings)
			} else {
				assert.Equal(t, []string{test.finding}, c.Findings)
				assert.False(t, c.Passed)
			}
		})
	}
}

func TestAReportWithoutChecksIsAFailure(t *testing.T) {
	require.EqualError(t, (&Report{}).Err(), "audit: no image was examined")
	require.NoError(t, (&Report{Checks: []Check{{Image: "a", Passed: true}}}).Err())
	assert.EqualError(t, (&Report{Checks: []Check{{Image: "a", Gate: Lambda}}}).Err(), "audit a: lambda: failed")
}
