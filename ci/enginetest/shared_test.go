package enginetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Clients of one engine share its volumes. Each gets the images of its own sources, those
// that the program makes of them on this machine.
func TestClientsWithDifferentSourcesShareAnEngine(t *testing.T) {
	const clients = 4
	dirs := make([]string, clients)
	for i := range dirs {
		dirs[i] = edited(t, i)
	}
	outs := make([]string, clients)
	var all sync.WaitGroup
	for i, dir := range dirs {
		all.Go(func() { outs[i] = exportedFrom(t, dir) })
	}
	all.Wait()
	made := make([]map[string]string, clients)
	ci, cache := program(t), t.TempDir()
	for i, dir := range dirs {
		made[i] = readLayout(t, outs[i])
		assert.Equal(t, onThisMachine(t, ci, dir, cache), made[i], "client %d", i)
		for j := range i {
			assert.NotEqual(t, made[i], made[j], "clients %d and %d", i, j)
		}
	}
}

// A client that is killed at any moment leaves nothing that the next one takes for a result.
func TestKilledClientsLeaveNothingBehind(t *testing.T) {
	dir := edited(t, 100)
	for n := range 10 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Duration(n+1)*300*time.Millisecond)
		cmd := exec.CommandContext(ctx, "dagger", slices.Concat([]string{"--silent", "call"}, references(), []string{"build-all"})...)
		cmd.Dir = dir
		_ = cmd.Run() // it is killed, or the image is there already
		cancel()
	}
	assert.Equal(t, onThisMachine(t, program(t), dir, t.TempDir()), readLayout(t, exportedFrom(t, dir)))
}

// edited returns a copy of the repository in which two functions have an edit of their own.
func edited(t *testing.T, edit int) string {
	t.Helper()
	dir := copyTree(t)
	begin := regexp.MustCompile(`(?m)^func main\(\) \{`)
	for _, function := range []string{"thumbnail-lambda", []string{"media-lambda", "video-lambda"}[edit%2]} {
		file := filepath.Join(dir, "functions", function, "main.go")
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		require.Len(t, begin.FindAll(source, -1), 1)
		changed := begin.ReplaceAll(source, fmt.Appendf(nil, "func main() { println(\"edit %d of %d\"); ", edit, time.Now().UnixNano()))
		require.NoError(t, os.WriteFile(file, changed, 0o644))
	}
	return dir
}

// exportedFrom returns a folder with the images that the engine makes of a workspace.
func exportedFrom(t *testing.T, dir string) string {
	t.Helper()
	out := filepath.Join(t.TempDir(), "dist")
	_, stderr, err := engine{}.daggerIn(t, dir, slices.Concat([]string{"call"}, references(), []string{"images", "export", "--path", out})...)
	assert.NoError(t, err, stderr)
	return out
}
