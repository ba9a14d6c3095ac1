package workflows

import (
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// The repository is a real one; gh notes how it is called, and says which pull request is
// open.
func TestPropose(t *testing.T) {
	dir := t.TempDir()
	git := func(folder string, args ...string) string {
		cmd := exec.Command("git", append([]string{"-C", filepath.Join(dir, folder), "-c", "user.name=x", "-c", "user.email=x@example.test"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		return string(out)
	}
	testkit.Write(t, dir, map[string]string{
		"main/ci/images.lock.json": "old\n",
		"bin/gh":                   "#!/bin/sh\necho \"gh $*\" >>\"$DIR/log\"\ncase \"$*\" in \"pr list\"*) cat \"$DIR/open\" ;; *--body-file*) eval cat \"\\${$#}\" >\"$DIR/body\" ;; esac\n",
	})
	require.NoError(t, os.Chmod(filepath.Join(dir, "bin", "gh"), 0o755))
	git("main", "init", "--quiet", "--initial-branch=main")
	git("main", "add", ".")
	git("main", "commit", "--quiet", "--message=first")
	git(".", "clone", "--quiet", "--bare", "main", "origin")
	script, err := filepath.Abs(filepath.Join(root, ".github", "propose"))
	require.NoError(t, err)
	propose := func(checkout, content, open string) (log, body string) {
		git(".", "clone", "--quiet", "origin", checkout)
		testkit.Write(t, dir, map[string]string{checkout + "/ci/images.lock.json": content, "open": open, "log": "", "body": ""})
		patch := git(checkout, "diff")
		git(checkout, "checkout", "--quiet", ".")
		cmd := exec.Command(script, "pins", "The title")
		cmd.Dir = filepath.Join(dir, checkout)
		cmd.Env = append(os.Environ(), "DIR="+dir, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "GITHUB_REF_NAME=main",
			"PATCH="+base64.StdEncoding.EncodeToString([]byte(patch)), "BODY="+base64.StdEncoding.EncodeToString([]byte("the `body`\n")))
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
		tree := testkit.Tree(t, dir)
		return tree["log"], tree["body"]
	}

	log, body := propose("first", "new\n", "")
	assert.Equal(t, "the `body`\n", body)
	assert.Contains(t, log, "gh auth setup-git\n")
	assert.Contains(t, log, "gh pr create --head pins --base main --title The title --body-file ")
	assert.Equal(t, "new\n", git("origin", "show", "pins:ci/images.lock.json"))

	// A week later the request is still open, and the pins changed again.
	log, _ = propose("second", "newer\n", "7\n")
	assert.Contains(t, log, "gh pr edit 7 --title The title --body-file ")
	assert.NotContains(t, log, "gh pr create")
	assert.Equal(t, "newer\n", git("origin", "show", "pins:ci/images.lock.json"))
	assert.Equal(t, "old\n", git("origin", "show", "main:ci/images.lock.json"))
	assert.Len(t, strings.Fields(git("origin", "rev-list", "main..pins")), 1, "the branch has one commit")
}
