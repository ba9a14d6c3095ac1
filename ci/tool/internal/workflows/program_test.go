package workflows

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// releases is gh with one release, v1.2.3.
const releases = `#!/bin/sh
echo "gh $*" >>"$DIR/log"
case "$*" in
"release download v1.2.3 "*) cp "$DIR"/release/* "${7}" ;;
"release view v1.2.3"*) ;;
"release create"*) ;;
*) echo "release not found" >&2; exit 1 ;;
esac
`

// program is how a release names the program for this machine.
var program = "ci-" + runtime.GOOS + "-" + runtime.GOARCH

// withReleases runs a script with gh.
func withReleases(t *testing.T, script string, release map[string]string, env []string, args ...string) (dir, out string, err error) {
	t.Helper()
	dir = t.TempDir()
	testkit.Write(t, dir, map[string]string{"bin/gh": releases})
	require.NoError(t, os.Chmod(filepath.Join(dir, "bin", "gh"), 0o755))
	testkit.Write(t, filepath.Join(dir, "release"), release)
	cmd := exec.Command(script, args...)
	cmd.Env = append(os.Environ(), "DIR="+dir, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "RUNNER_TEMP="+dir, "GITHUB_PATH="+filepath.Join(dir, "path"))
	cmd.Env = append(cmd.Env, env...)
	text, err := cmd.CombinedOutput()
	return dir, string(text), err
}

func sum(text string) string {
	h := sha256.Sum256([]byte(text))
	return hex.EncodeToString(h[:])
}

// A job that pins a version gets that program, or none.
func TestTheProgramOfARelease(t *testing.T) {
	script, err := filepath.Abs(filepath.Join(root, ".github", "provide"))
	require.NoError(t, err)
	good := map[string]string{program: "#!/bin/sh\necho it runs\n"}
	good["SHA256SUMS"] = sum(good[program]) + "  " + program + "\n" + sum("x") + "  another\n"
	for name, c := range map[string]struct {
		version    string
		program    string // instead of the good one
		sums, says string
	}{
		"as released":                      {"v1.2.3", "", "", ""},
		"with the checksum of checksums":   {"v1.2.3", "", sum(good["SHA256SUMS"]), ""},
		"a release that is not there":      {"v1.2.4", "", "", "release not found"},
		"another program":                  {"v1.2.3", "#!/bin/sh\necho evil\n", "", "does not have the checksum in SHA256SUMS"},
		"other checksums":                  {"v1.2.3", "", sum("others"), "are not those of the input sums"},
		"a branch":                         {"main", "", "", `version: "main" is no release; write one like v1.2.3`},
		"a version that is no single word": {"v1.2.3 --repo x", "", "", "is no release"},
	} {
		t.Run(name, func(t *testing.T) {
			release := map[string]string{"SHA256SUMS": good["SHA256SUMS"], program: good[program]}
			if c.program != "" {
				release[program] = c.program
			}

			dir, out, err := withReleases(t, script, release, []string{"SUMS=" + c.sums, "GITHUB_REPOSITORY=o/r"}, c.version, "")

			made := testkit.Tree(t, dir)
			if c.says != "" {
				require.Error(t, err, out)
				assert.Contains(t, out, c.says)
				assert.NotContains(t, made, "ci-program/ci")
				assert.NotContains(t, made, "path")
				return
			}
			require.NoError(t, err, out)
			assert.Contains(t, made["log"], "gh release download v1.2.3 --repo o/r --dir ")
			assert.Equal(t, filepath.Join(dir, "ci-program")+"\n", made["path"])
			ran, err := exec.Command(filepath.Join(dir, "ci-program", "ci")).Output()
			require.NoError(t, err)
			assert.Equal(t, "it runs\n", string(ran))
		})
	}
}

// Where a runner puts the action of another repository, its sources are beside it.
func TestTheProgramWithoutAVersion(t *testing.T) {
	runner := t.TempDir()
	action := filepath.Join(runner, "_actions", "own", "er", "v1")
	for _, name := range []string{"provide", "install"} {
		testkit.Write(t, action, map[string]string{".github/" + name: string(testkit.Source(t, root, ".github/"+name))})
		require.NoError(t, os.Chmod(filepath.Join(action, ".github", name), 0o755))
	}
	testkit.Write(t, action, map[string]string{"ci/tool/go.mod": "module x\n\ngo 1.26\n", "ci/tool/cmd/ci/main.go": "package main\n\nfunc main() { println(\"compiled\") }\n"})
	workspace := t.TempDir()
	script := filepath.Join(action, ".github", "provide")

	dir, out, err := withReleases(t, script, nil, []string{"GITHUB_WORKSPACE=" + workspace, "GOWORK=off"}, "", "")
	require.NoError(t, err, out)
	ran, err := exec.Command(filepath.Join(dir, "ci-program", "ci")).CombinedOutput()
	require.NoError(t, err)
	assert.Equal(t, "compiled\n", string(ran))
	assert.Empty(t, testkit.Tree(t, workspace), "the workspace stays clean, so it can be published")

	dir, out, err = withReleases(t, script, map[string]string{program: "p", "SHA256SUMS": sum("p") + "  " + program + "\n"}, nil, "v1.2.3", "")
	require.NoError(t, err, out)
	assert.Contains(t, testkit.Tree(t, dir)["log"], "--repo own/er ")

	dir, out, err = withReleases(t, script, nil, []string{"GITHUB_WORKSPACE=" + action}, "", "")
	require.NoError(t, err, out)
	assert.NotContains(t, testkit.Tree(t, dir), "path", "in its own repository, make compiles it")
}

func TestARelease(t *testing.T) {
	script, err := filepath.Abs(filepath.Join(root, ".github", "release"))
	require.NoError(t, err)
	files := t.TempDir()
	testkit.Write(t, files, map[string]string{"SHA256SUMS": "", "ci-linux-amd64": ""})

	dir, out, err := withReleases(t, script, nil, nil, "v2.0.0", files)
	require.NoError(t, err, out)
	log := testkit.Tree(t, dir)["log"]
	assert.Contains(t, log, "gh release create v2.0.0 "+files+"/SHA256SUMS "+files+"/ci-linux-amd64 --verify-tag ")
	assert.NotContains(t, log, "--prerelease")

	dir, out, err = withReleases(t, script, nil, nil, "v2.0.0-rc.1", files)
	require.NoError(t, err, out)
	assert.True(t, strings.HasSuffix(testkit.Tree(t, dir)["log"], " --prerelease\n"))

	_, out, err = withReleases(t, script, nil, nil, "v1.2.3", files)
	require.Error(t, err)
	assert.Equal(t, "v1.2.3 is released already; push a new tag\n", out)
}
