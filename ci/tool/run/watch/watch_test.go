package watch_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/run/watch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestWhatIsNoticed(t *testing.T) {
	root := t.TempDir()
	kept := filepath.Join(root, "kept")
	testkit.Write(t, root, map[string]string{
		"functions/api/main.go": "", "kept/x/blob": "", ".git/index": "", "dist/oci-layout": "{}", "dist/blobs/a": "", "node_modules/m/index.js": "",
	})
	w, err := watch.New(func(dir string) bool { return dir == kept })
	require.NoError(t, err)
	require.NoError(t, w.Follow([]string{root}))
	saved, ended := make(chan struct{}, 100), make(chan struct{})
	go func() {
		w.Run(func() { saved <- struct{}{} }, func(err error) { t.Error(err) })
		close(ended)
	}()
	defer func() {
		require.NoError(t, w.Close())
		<-ended
	}()
	noticed := func() bool {
		any := false
		for {
			select {
			case <-saved:
				any = true
			case <-time.After(200 * time.Millisecond):
				return any
			}
		}
	}
	write := func(name string) func() {
		return func() { testkit.Write(t, root, map[string]string{name: time.Now().String()}) }
	}
	for _, step := range []struct {
		name string
		do   func()
		want bool
	}{
		{"a source", write("functions/api/main.go"), true},
		{"a file that may be embedded", write("functions/api/page.html"), true},
		{"a source in a new folder", write("functions/new/deep/er/main.go"), true},
		{"the same again", write("functions/new/deep/er/main.go"), true},
		{"what an editor replaces", func() {
			write("functions/api/.main.go.tmp")()
			require.NoError(t, os.Rename(filepath.Join(root, "functions/api/.main.go.tmp"), filepath.Join(root, "functions/api/main.go")))
		}, true},
		{"a source that is removed", func() { require.NoError(t, os.Remove(filepath.Join(root, "functions/api/main.go"))) }, true},
		{"a test", write("functions/api/main_test.go"), false},
		{"an editor's copies", func() {
			write("functions/api/.main.go.swp")()
			write("functions/api/main.go~")()
			write("functions/api/4913")()
		}, false},
		{"rights", func() { require.NoError(t, os.Chmod(filepath.Join(root, "functions/api/page.html"), 0o600)) }, false},
		{"git's files", write(".git/index"), false},
		{"an image layout", write("dist/blobs/a"), false},
		{"npm's packages", write("node_modules/m/index.js"), false},
		{"what is left out", write("kept/x/blob"), false},
	} {
		step.do()
		require.Equal(t, step.want, noticed(), step.name)
	}
}
