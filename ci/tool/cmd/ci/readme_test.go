package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// author is who commits.
var author = []string{"GIT_AUTHOR_NAME=dana", "GIT_AUTHOR_EMAIL=dana@example.org", "GIT_COMMITTER_NAME=dana", "GIT_COMMITTER_EMAIL=dana@example.org"}

// TestThisRepositoryReadmeOnYourFunctions runs the block of the README's section "Use it for your
// functions" to the letter, in a repository of one module with two mains.
func TestThisRepositoryReadmeOnYourFunctions(t *testing.T) {
	t.Parallel()
	_, section, ok := strings.Cut(string(testkit.Source(t, repository, "README.md")), "\n## Use it for your functions\n")
	require.True(t, ok)
	_, block, ok := strings.Cut(section, "```sh\n")
	require.True(t, ok)
	block, _, _ = strings.Cut(block, "```\n")

	dir := t.TempDir()
	const handler = "package main\n\nimport \"github.com/aws/aws-lambda-go/lambda\"\n\nfunc main() { lambda.Start(func() (string, error) { return \"hello\", nil }) }\n"
	self, err := os.Executable()
	require.NoError(t, err)
	testkit.Write(t, dir, map[string]string{
		"lambdas/bin/ci":                       "#!/bin/bash\nexec -a ci " + self + " \"$@\"\n",
		"your-repository/go.mod":               "module example.com/yours\n\ngo 1.26.1\n\nrequire github.com/aws/aws-lambda-go " + lambdaVersion(t) + "\n",
		"your-repository/go.sum":               string(testkit.Source(t, repository, "shared/go.sum")),
		"your-repository/cmd/one/main.go":      handler,
		"your-repository/cmd/two/main.go":      handler,
		"your-repository/cmd/helper/main.go":   "package main\n\nfunc main() {}\n",
		"your-repository/internal/x/x.go":      "package x\n",
		"your-repository/cmd/one/main_test.go": "package main\n",
	})
	require.NoError(t, os.Chmod(filepath.Join(dir, "lambdas/bin/ci"), 0o755))
	testkit.Downloaded(t, repository)

	for _, args := range [][]string{{"init", "-q"}, {"add", "."}, {"commit", "-q", "-m", "Functions"}} {
		git := exec.CommandContext(t.Context(), "git", append([]string{"-C", filepath.Join(dir, "your-repository")}, args...)...)
		git.Env = append(os.Environ(), author...)
		out, err := git.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", block)
	cmd.Dir = filepath.Join(dir, "lambdas")
	// No registry answers, so that what is printed is the same everywhere.
	cmd.Env = append(append(os.Environ(), author...), "CI_CACHE="+kept(), "GOPROXY=off", "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1", "AWS_ENDPOINT_URL=")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, string(out))

	for _, line := range []string{
		"no function, does not use aws-lambda-go: cmd/helper", "2 of 2 images for linux/amd64", "all gates passed",
		"2 images for linux/amd64 in 1 repository under 4 tags", "cmd/count/handler_test.go", `{"words":3}`,
	} {
		assert.Contains(t, string(out), line)
	}
}
