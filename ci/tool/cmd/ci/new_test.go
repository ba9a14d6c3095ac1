package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/audit"
	"lambdas.internal/ci/tool/internal/testkit"
)

// One function of each kind, added to a copy of this workspace without a network: as
// it is made it passes its tests, builds alone and in the workspace, and passes every
// gate; and no other image becomes another.
func TestLongNewFunctionsWorkAsTheyAre(t *testing.T) {
	t.Parallel()
	root, cacheDir := filepath.Join(t.TempDir(), "copy"), workspaceCache(t)
	copyWorkspace(t, root)
	for _, name := range []string{"bin", ".cache"} { // the servers and programs of the tests
		at, err := filepath.Abs(filepath.Join(repository, name))
		require.NoError(t, err)
		require.NoError(t, os.Symlink(at, filepath.Join(root, name)))
	}
	testkit.Downloaded(t, repository)
	offline := environment{"GOPROXY": "off"}
	build := func(root string) map[string]string {
		digests := map[string]string{}
		args := buildArgs(root, filepath.Join(t.TempDir(), "dist"), []string{"--cache", cacheDir, "--base", "static", "--ffmpeg", "static"})
		for _, row := range reported(t, offline.output(t, args...)).Images {
			digests[row.Image] = row.Digest
		}
		return digests
	}
	before := build(repository)

	made := []string{"word-light-private", "count-light-public", "look-heavy-private", "peek-heavy-public"}
	for _, name := range made {
		parts := strings.Split(name, "-")
		out := ci(t, "new", name, "--root", root, "--variant", parts[1], "--registry", parts[2], "--json")
		var made struct{ Folder, Variant, Registry, Lambda, Reason string }
		require.NoError(t, json.Unmarshal(out, &made))
		assert.Equal(t, "functions/"+name+"-lambda", made.Folder)
		assert.Equal(t, []string{parts[1], parts[2]}, []string{made.Variant, made.Registry})
		assert.Regexp(t, `^AiSocialMedia(Word|Count|Look|Peek)(Light|Heavy)(Private|Public)$`, made.Lambda)
		assert.NotEmpty(t, made.Reason)
		out, err := exec.Command("gofmt", "-l", filepath.Join(root, made.Folder)).CombinedOutput()
		require.NoError(t, err)
		assert.Empty(t, string(out))
	}
	// With the flags of the functions: what these import is compiled for them already.
	run := func(dir, work, command string, packages ...string) {
		cmd := exec.Command("go", append([]string{command, "-trimpath", "-tags=lambda.norpc"}, packages...)...)
		cmd.Dir, cmd.Env = filepath.Join(root, dir), append(os.Environ(), "GOPROXY=off", "GOWORK="+work, "CGO_ENABLED=0")
		out, err := cmd.CombinedOutput()
		assert.NoError(t, err, "go %s in %s\n%s", command, dir, out)
	}
	var packages []string
	var all sync.WaitGroup
	for _, name := range made {
		folder := "functions/" + name + "-lambda"
		packages = append(packages, "./"+folder+"/...")
		all.Go(func() { run(folder, "off", "vet", "./...") })
	}
	run(".", "", "test", packages...)
	all.Wait()

	after := build(root)
	assert.Len(t, after, len(before)+len(made))
	for image, digest := range before {
		assert.Equal(t, digest, after[image], image)
	}
	var r audit.Report
	require.NoError(t, json.Unmarshal(offline.output(t, "audit", "--root", root, "--cache", cacheDir, "--base", "static", "--ffmpeg", "static", "--json"), &r))
	gates := map[string][]audit.Gate{}
	for _, c := range r.Checks {
		assert.True(t, c.Passed || !c.Applies, "%s: %s", c.Image, c.Gate)
		if c.Applies {
			gates[c.Image] = append(gates[c.Image], c.Gate)
		}
	}
	for _, name := range made {
		assert.GreaterOrEqual(t, len(gates[name]), 3, "%s: %v", name, gates[name])
	}
}

func TestNewUsage(t *testing.T) {
	t.Parallel()
	c := testkit.Workspace(t, nil)
	for line, want := range map[string]string{
		"new":                    "ci: pass the name of the new function, for instance `bin/ci new resize`; see `bin/ci new --help`\n",
		"new a b":                "ci: pass the name of the new function, for instance `bin/ci new resize`; see `bin/ci new --help`\n",
		"new Resize":             "ci: NAME: \"Resize\" is not a valid name; use at most 80 lower-case letters, digits and single dashes\n",
		"new api":                "ci: NAME: \"api\" is already the image of functions/media-lambda\n",
		"new media":              "ci: NAME: functions/media-lambda already exists; choose another name\n",
		"new x --variant hevy":   "ci: --variant: \"hevy\" is not light or heavy (did you mean \"heavy\"?)\n",
		"new x --registry pubic": "ci: --registry: \"pubic\" is not private or public (did you mean \"public\"?)\n",
		"new x --lambda Api":     "ci: --lambda: \"Api\" is already the function of functions/media-lambda\n",
		"new x --lambda a/b":     "ci: --lambda: \"a/b\" is not a Lambda function name; use 1 to 64 letters, digits, - and _\n",
	} {
		t.Run(line, func(t *testing.T) {
			before := testkit.Tree(t, c.Root)
			var stdout, stderr bytes.Buffer
			code := run(t.Context(), append(strings.Fields(line), "--root", c.Root), &stdout, &stderr)
			assert.Equal(t, exitUsage, code)
			assert.Equal(t, want, stderr.String())
			assert.Empty(t, stdout.String())
			assert.Equal(t, before, testkit.Tree(t, c.Root))
		})
	}
}
