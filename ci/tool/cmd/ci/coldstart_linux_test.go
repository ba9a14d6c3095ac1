package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/inspect/coldstart"
)

// functionSource is a function that answers each event.
func functionSource(t *testing.T) string {
	t.Helper()
	source, err := os.ReadFile("../../workspace/gobuild/hello/main.go")
	require.NoError(t, err)
	return string(source)
}

// A workspace that is not this one: a light and a heavy function, without their own events.
func TestLongColdStart(t *testing.T) {
	t.Parallel()
	source := functionSource(t)
	root := publishable(t, map[string]string{
		"functions/alpha/main.go":             source,
		"functions/alpha/testdata/event.json": "{}",
		"functions/beta/main.go":              source,
		"functions/beta/testdata/event.json":  "{}",
	})
	before := filepath.Join(t.TempDir(), "before")
	built := command(t, root, "build-all", "--offline", "--out", before)
	require.Equal(t, exitDone, built.code, built.stderr)
	edited := source + "\n// Edited is in the binary.\nvar Edited = \"x\"\n\nfunc init() { println(Edited) }\n"
	require.NoError(t, os.WriteFile(filepath.Join(root, "functions/beta/main.go"), []byte(edited), 0o644))

	r := command(t, root, "coldstart", "--offline", "--starts", "1", "--since", before, "--json")
	require.Equal(t, exitDone, r.code, r.stderr)
	var report coldstart.Report
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &report))

	require.Len(t, report.Images, 2)
	assert.Equal(t, "linux/amd64", report.Platform)
	alpha, beta := report.Images[0], report.Images[1]
	for _, i := range append(report.Images, report.Hello) {
		assert.Empty(t, i.Failed, "%s answers its event", i.Image)
		assert.Positive(t, i.Init.Ms, i.Image)
		assert.Positive(t, i.Init.Blocks, i.Image)
		assert.LessOrEqual(t, i.Init.Blocks, i.Answer.Blocks, i.Image)
	}
	assert.Equal(t, report.Hello.BinaryBytes, alpha.BinaryBytes, "the same program")
	assert.Zero(t, *alpha.NewBlocks, "its image is as before")
	assert.Positive(t, *beta.NewBlocks)
	for _, l := range beta.Layers {
		if l.Kind != image.KindBinary {
			assert.Zero(t, *l.New, "the %s is as before", l.Kind)
		}
	}
	assert.Contains(t, report.Missing, "start dynalite: it is not installed; run `make up` once, which installs it")

	again := command(t, root, "coldstart", "--offline", "--starts", "1", "--name", "alpha", "--from", before)
	require.Equal(t, exitDone, again.code, again.stderr)
	assert.Regexp(t, `(?m)^alpha  .*  yes$`, again.stdout)
	assert.NotContains(t, again.stdout, "NEW", "there is nothing to compare with")

	described := `{"image": "alpha", "variant": "light", "registry": "private", "lambda": "TheAlpha", "reason": "r", "budget": {"megabytes": 90, "blocks": 1, "reason": "it does nothing"}}`
	require.NoError(t, os.WriteFile(filepath.Join(root, "functions/alpha/image.json"), []byte(described), 0o644))
	over := command(t, root, "coldstart", "--offline", "--starts", "1", "--name", "alpha")
	assert.Equal(t, exitFailed, over.code)
	assert.Regexp(t, `(?m)^ci: cold start of alpha: \d+ blocks are read before its first request for an event, and its budget is 1 \(it does nothing\); start less, or raise .budget\.blocks. in functions/alpha/image.json and say why$`, over.stderr)
	assert.Contains(t, over.stdout, "alpha", "the report is printed all the same")
}

func TestColdStartRefuses(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"no starts":                 {[]string{"--starts", "0"}, "--starts: 0 is not a number of starts; pass 1 or more"},
		"two formats":               {[]string{"--json", "--markdown"}, "--markdown and --json cannot be combined"},
		"a registry without a side": {[]string{"--local"}, "pass --since too"},
		"an unknown image":          {[]string{"--name", "nobody"}, "nobody"},
		"an unknown side":           {[]string{"--since", "nowhere"}, `"nowhere" is not an image layout`},
	} {
		t.Run(name, func(t *testing.T) {
			r := command(t, root, append([]string{"coldstart", "--offline"}, test.args...)...)
			assert.Equal(t, exitUsage, r.code)
			assert.Contains(t, r.stderr, test.says)
		})
	}
}

// What a function does before its first event costs time in which nobody waits for an answer
// of it: no connection, and no file beyond its program.
func TestLongTheFiveStartWithTheirProgramAlone(t *testing.T) {
	t.Parallel()
	cacheDir, dist := workspaceCache(t), t.TempDir()
	buildAll(t, repository, dist, "--cache", cacheDir, "--base", "static", "--ffmpeg", "static")
	var report coldstart.Report
	require.NoError(t, json.Unmarshal(ci(t, "coldstart", "--root", repository, "--cache", cacheDir, "--from", dist, "--starts", "1", "--json"), &report))
	require.Len(t, report.Images, 5)
	for _, i := range report.Images {
		t.Run(i.Image, func(t *testing.T) {
			assert.Equal(t, map[string]int{image.BootstrapPath: i.Init.Blocks}, i.Init.Files)
			assert.Zero(t, i.Init.Connections)
		})
	}
	for name, programs := range map[string][]string{"thumb": {"usr/local/bin/ffmpeg"}, "video": {"usr/local/bin/ffmpeg", "usr/local/bin/ffprobe"}} {
		at := slices.IndexFunc(report.Images, func(i coldstart.Image) bool { return i.Image == name })
		for _, p := range programs {
			assert.Positive(t, report.Images[at].Answer.Files[p], "%s reads %s for its answer", name, p)
		}
	}
}
