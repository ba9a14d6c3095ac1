package workflows

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// gh notes how it is called, and says which issue is open.
func TestReport(t *testing.T) {
	script, err := filepath.Abs(filepath.Join(root, ".github", "report"))
	require.NoError(t, err)
	const list = "issue list --state open --limit 500 --json number,title --jq [.[] | select(.title == env.TITLE).number][0] // empty\n"
	const body = "--body Other systems failed: https://github.com/us/lambdas/actions/runs/9\n"
	for name, test := range map[string]struct{ open, calls string }{
		"the first failure": {"", list + "issue create --title The title " + body},
		"a later one":       {"7\n", list + "issue comment 7 " + body},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			testkit.Write(t, dir, map[string]string{
				"gh":   "#!/bin/sh\necho \"$*\" >>\"$DIR/log\"\ncase \"$*\" in \"issue list\"*) [ \"$TITLE\" = \"The title\" ] && cat \"$DIR/open\" ;; esac\n",
				"open": test.open,
			})
			require.NoError(t, os.Chmod(filepath.Join(dir, "gh"), 0o755))
			cmd := exec.Command(script, "The title")
			cmd.Env = append(os.Environ(), "DIR="+dir, "PATH="+dir+":"+os.Getenv("PATH"), "GITHUB_WORKFLOW=Other systems",
				"GITHUB_SERVER_URL=https://github.com", "GITHUB_REPOSITORY=us/lambdas", "GITHUB_RUN_ID=9")

			out, err := cmd.CombinedOutput()

			require.NoError(t, err, string(out))
			assert.Equal(t, test.calls, testkit.Tree(t, dir)["log"])
		})
	}
}
