package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
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

var all = flag.Bool("reproduce-all", false, "build for all platforms, the second time with an empty cache")

// copied is the module in a folder and a repository of its own.
func copied(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	git := func(args ...string) {
		cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.test", "-c", "commit.gpgsign=false"}, args...)...)
		cmd.Env = append(os.Environ(), "GIT_AUTHOR_DATE=1700000000 +0000", "GIT_COMMITTER_DATE=1700000000 +0000")
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	require.NotEmpty(t, testkit.Sources(t, "../..", ".go")) // Go's test cache knows by this when they change
	require.NoError(t, os.CopyFS(dir, os.DirFS("../..")))
	git("init", "-q")
	git("add", "-A")
	git("commit", "-qm", "first")
	return dir
}

func checksum(content string) string {
	sum := sha256.Sum256([]byte(content))
	return hex.EncodeToString(sum[:])
}

// A release is the same bytes whoever builds it, where, and with which settings of Go; and says of
// itself what it is.
func TestLongTheSameBytesInTwoFolders(t *testing.T) {
	if !*all {
		before := platforms
		platforms = []string{runtime.GOOS + "/" + runtime.GOARCH}
		t.Cleanup(func() { platforms = before })
	}
	made := func() map[string]string {
		d := distribution{version: "v1.2.3", address: "https://example.test/o/r", source: copied(t), out: t.TempDir()}
		require.NoError(t, d.make(t.Context()))
		return testkit.Tree(t, d.out)
	}
	first := made()
	t.Setenv("GOFLAGS", "-tags=steps")
	t.Setenv("GOAMD64", "v3")
	t.Setenv("CGO_ENABLED", "1")
	if *all {
		t.Setenv("GOCACHE", t.TempDir())
	}
	second := made()

	assert.Len(t, first, 2*len(platforms)+2)
	for name := range first {
		if name != "ci.provenance.json" && name != "SHA256SUMS" { // the provenance has the time
			assert.Equal(t, checksum(first[name]), checksum(second[name]), name)
		}
	}
	sums := strings.Split(strings.TrimSpace(first["SHA256SUMS"]), "\n")
	assert.Len(t, sums, 2*len(platforms)+1)
	for _, line := range sums {
		sum, name, _ := strings.Cut(line, "  ")
		assert.Equal(t, sum, checksum(first[name]), name)
	}
	program := "ci-" + runtime.GOOS + "-" + runtime.GOARCH
	assert.Contains(t, first["ci.provenance.json"], checksum(first[program]))
	assert.Contains(t, first[program+".cdx.json"], `"pkg:golang/github.com/spf13/cobra@v`)
	assert.NotContains(t, first[program], filepath.Dir(t.TempDir()), "a folder of this machine")

	file := filepath.Join(t.TempDir(), "ci")
	require.NoError(t, os.WriteFile(file, []byte(first[program]), 0o755))
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), file, "version")
	cmd.Stdout, cmd.Stderr = &out, &out
	require.NoError(t, cmd.Run(), out.String())
	assert.Regexp(t, `^release v1\.2\.3\ncommit [0-9a-f]{40}\n`+runtime.Version()+`\n`+runtime.GOOS+"/"+runtime.GOARCH+`\nsha256 `+checksum(first[program])+
		`\nhttps://example\.test/o/r/releases/download/v1\.2\.3/SHA256SUMS\n.*/`+program+`\.cdx\.json\n.*/ci\.provenance\.json\n$`, out.String())
}

func TestWhatIsNoRelease(t *testing.T) {
	for name, c := range map[string]struct {
		d    distribution
		says string
	}{
		"no version":     {distribution{version: "1.2.3", out: "x", source: "."}, `-version: "1.2.3" is no version; pass one like v1.2.3`},
		"a version's 'x": {distribution{version: "v1.2.3' -X 'main.x=y", out: "x", source: "."}, "is no version"},
		"no folder":      {distribution{version: "v1.2.3", source: "."}, "-out is missing"},
		"no repository":  {distribution{version: "v1.2.3", out: "x", source: t.TempDir()}, "find the commit: "},
	} {
		assert.ErrorContains(t, c.d.make(t.Context()), c.says, name)
	}
}
