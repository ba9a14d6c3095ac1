package enginetest

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// The engine keeps the result of a call for a week, but a tag may name another image the next
// minute: what the user names is asked for each time. Dagger 1.0 itself keeps what it looked up in the
// file dagger.lock, and `dagger update` asks again.
func TestATagIsLookedUpOnEachCall(t *testing.T) {
	registry, from := os.Getenv("CI_TEST_REGISTRY"), os.Getenv("CI_TEST_BASE")
	if registry == "" || from == "" {
		t.Skip("CI_TEST_REGISTRY names no registry to push to, or CI_TEST_BASE no image in reach")
	}
	moved := registry + "/engine-suite/base:moved"
	dir, _ := repository(t)
	push := func(what string) {
		t.Helper()
		_, stderr, err := engine{}.dagger(t, "core", "container", "from", "--address", from,
			"with-env-variable", "--name", "BASE_OF_THE_TEST", "--value", what, "publish", "--address", moved)
		require.NoError(t, err, stderr)
	}
	built := func() string {
		t.Helper()
		args := slices.Concat([]string{"call"}, references(), []string{"--base", moved, "build-all", "--only", "api", "--as-json"})
		stdout, stderr, err := engine{}.daggerIn(t, dir, args...)
		require.NoError(t, err, stderr)
		var report struct{ Images []struct{ Digest string } }
		require.NoError(t, json.Unmarshal([]byte(stdout), &report))
		require.Len(t, report.Images, 1)
		return report.Images[0].Digest
	}
	push("first" + t.Name())
	first := built()
	assert.Equal(t, first, built())

	push("second" + t.Name())
	if hasWorkspaces() {
		assert.Equal(t, first, built(), "by dagger.lock")
		_, stderr, err := engine{}.daggerIn(t, dir, "update")
		require.NoError(t, err, stderr)
	}
	second := built()

	assert.NotEqual(t, first, second)
	assert.True(t, strings.HasPrefix(second, "sha256:"))
}
