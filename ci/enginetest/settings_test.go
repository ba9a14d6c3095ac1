package enginetest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Dagger 1.0 takes the flags before the function from dagger.toml, and says nothing of its
// own. v0.21 does not read the file.
func TestSettingsComeFromTheWorkspaceFile(t *testing.T) {
	const refused = `"linux/riscv64"`
	for name, c := range map[string]struct {
		settings string // appended to dagger.toml
		args     []string
		function []string
		err      string // with Dagger 1.0
	}{
		"as committed":        {function: []string{"list"}},
		"a setting":           {settings: "[modules.ci.settings]\nplatform = \"linux/riscv64\"\n", function: []string{"base"}, err: refused},
		"a flag wins":         {settings: "[modules.ci.settings]\nplatform = \"linux/riscv64\"\n", function: []string{"--platform", "linux/amd64", "list"}},
		"another one is on":   {settings: "[env.staging.modules.ci.settings]\nplatform = \"linux/riscv64\"\n", function: []string{"list"}},
		"of an environment":   {settings: "[env.staging.modules.ci.settings]\nplatform = \"linux/riscv64\"\n", args: []string{"--env", "staging"}, function: []string{"base"}, err: refused},
		"no such environment": {args: []string{"--env", "nosuch"}, function: []string{"list"}, err: "nosuch"},
	} {
		t.Run(name, func(t *testing.T) {
			if len(c.args) > 0 && !hasWorkspaces() {
				t.Skip("this version has no --env")
			}
			dir, git := repository(t)
			file, err := os.OpenFile(filepath.Join(dir, "dagger.toml"), os.O_APPEND|os.O_WRONLY, 0)
			require.NoError(t, err)
			_, err = file.WriteString("\n" + c.settings)
			require.NoError(t, err)
			require.NoError(t, file.Close())
			git("commit", "-qam", "settings", "--allow-empty")

			_, stderr, err := engine{}.daggerIn(t, dir, slices.Concat(c.args, []string{"call"}, references(), c.function)...)

			assert.Empty(t, git("status", "--porcelain"), "a call changes nothing in the checkout")
			if c.err == "" || !hasWorkspaces() {
				require.NoError(t, err, stderr)
				assert.Empty(t, strings.TrimSpace(stderr))
				return
			}
			require.Error(t, err)
			assert.Contains(t, oneLine(t, stderr), c.err)
		})
	}
}

// ci/images.lock.json names every image by digest, so Dagger's own lock file has nothing to
// say: it is not written, and what it says of the same image is not obeyed.
func TestDaggersLockFileDecidesNothing(t *testing.T) {
	dir, git := pinned(t)
	var lock struct {
		Builder struct{ Reference, Digest string }
	}
	readJSON(t, filepath.Join(dir, "ci", "images.lock.json"), &lock)
	require.NotEmpty(t, lock.Builder.Digest)
	wrong := fmt.Sprintf("[[%q,%q]]\n[%q,%q,[%q,%q],%q]\n", "version", "2", "", "container.from", lock.Builder.Reference, "linux/amd64",
		"sha256:"+strings.Repeat("0", 64))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "dagger.lock"), []byte(wrong), 0o644))

	_, stderr, err := engine{}.daggerIn(t, dir, "call", "list")

	require.NoError(t, err, stderr)
	assert.Empty(t, git("status", "--porcelain"), "dagger.lock is in .gitignore")
	after, err := os.ReadFile(filepath.Join(dir, "dagger.lock"))
	require.NoError(t, err)
	assert.Equal(t, wrong, string(after))
}
