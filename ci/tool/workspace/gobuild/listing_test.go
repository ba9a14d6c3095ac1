package gobuild_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// The go command lists packages again only when what it would list can have changed.
func TestPackagesAreListedAgainAfterAnEdit(t *testing.T) {
	c := testkit.Workspace(t, nil)
	log := filepath.Join(t.TempDir(), "log")
	before(t, `echo "$1" >> `+log)
	lists := func() (count int, paths []string) {
		time.Sleep(50 * time.Millisecond) // what was written a moment ago is not relied on
		packages, err := gobuild.Packages(t.Context(), c, c.Functions, testkit.AMD64)
		require.NoError(t, err)
		for _, p := range packages {
			paths = append(paths, p.ImportPath)
		}
		sources, err := gobuild.Discover(t.Context(), c, c.Functions, testkit.AMD64)
		require.NoError(t, err)
		_, err = sources.Keys()
		require.NoError(t, err)
		said, err := os.ReadFile(log)
		require.NoError(t, err)
		return strings.Count(string(said), "list\n"), paths
	}
	count, first := lists()
	assert.Equal(t, 1, count, "both ask for the same list")
	for n, step := range []struct {
		name  string
		files map[string]string
		more  bool // packages
	}{
		{"a function imports more", map[string]string{api + "/main.go": "package main\n\nimport _ \"container/ring\"\n\nfunc main() {}\n"}, true},
		{"a new file of a function", map[string]string{api + "/more.go": "package main\n\nimport _ \"container/heap\"\n"}, true},
		{"a new file of a package", map[string]string{"shared/greet/b.go": "package greet\n\nimport _ \"container/list\"\n"}, true},
		{"go.work", map[string]string{"go.work": testkit.Files(t)["go.work"] + "\n// edited\n"}, false},
	} {
		testkit.Write(t, c.Root, step.files)
		count, now := lists()
		assert.Equal(t, n+2, count, step.name)
		assert.Equal(t, step.more, len(now) > len(first), step.name)
		first = now
	}
	testkit.Write(t, c.Root, map[string]string{api + "/README.md": "nothing that is built"})
	count, now := lists()
	assert.Equal(t, 5, count)
	assert.Equal(t, first, now)
}
