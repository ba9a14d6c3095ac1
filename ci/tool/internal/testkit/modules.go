package testkit

import (
	"embed"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/goproxytest"
	"github.com/stretchr/testify/require"
)

//go:embed testdata/mod
var modules embed.FS

// ModuleProxy serves the modules of testdata/mod: example.test/words in two versions, and a
// small github.com/aws/aws-lambda-go, also one that is too old. It returns the value for GOPROXY.
func ModuleProxy(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, modules))
	return goproxytest.NewTestServer(t, filepath.Join(dir, "testdata", "mod"), "").URL
}

// ServeModules lets the go command find only the modules of [ModuleProxy]. It keeps them in
// a folder of the test.
func ServeModules(t testing.TB) {
	t.Helper()
	for name, value := range map[string]string{
		"GOPROXY": ModuleProxy(t), "GOSUMDB": "off", "GONOPROXY": "", "GOPRIVATE": "", "GOMODCACHE": t.TempDir(),
		"GOFLAGS": "-modcacherw", // so that the folder can be removed
	} {
		t.Setenv(name, value)
	}
}

// Tidy writes the go.sum of the module in dir, and completes its go.mod.
func Tidy(t testing.TB, dir string) {
	t.Helper()
	cmd := exec.Command("go", "mod", "tidy")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOTOOLCHAIN=local")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))
}
