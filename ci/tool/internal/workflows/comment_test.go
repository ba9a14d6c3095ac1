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

// gh notes how it is called and with which text, says which comments there are, and may refuse.
const gh = `#!/bin/sh
echo "gh $*" | sed 's/body=@[^ ]*/BODY/' >>"$DIR/log"
for a; do case "$a" in body=@*) cat "${a#body=@}" >"$DIR/body" ;; esac; done
case "$*" in
*--method*) [ ! -e "$DIR/refuse" ] || { echo "HTTP 403" >&2; exit 1; } ;;
*) cat "$DIR/found" ;;
esac
`

func TestComment(t *testing.T) {
	const list = "gh api --paginate repos/o/r/issues/7/comments --jq "
	for name, c := range map[string]struct {
		found  string // numbers of the comments with the mark
		refuse bool
		call   string
	}{
		"the first time":             {"", false, "gh api --method POST repos/o/r/issues/7/comments --field BODY --jq .html_url\n"},
		"from then on":               {"41\n", false, "gh api --method PATCH repos/o/r/issues/comments/41 --field BODY --jq .html_url\n"},
		"more than one, by a race":   {"41\n42\n", false, "gh api --method PATCH repos/o/r/issues/comments/41 --field BODY --jq .html_url\n"},
		"a token that may only read": {"", true, "gh api --method POST "},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			files := map[string]string{"bin/gh": gh, "found": c.found}
			if c.refuse {
				files["refuse"] = ""
			}
			testkit.Write(t, dir, files)
			require.NoError(t, os.Chmod(filepath.Join(dir, "bin", "gh"), 0o755))
			cmd := exec.Command(filepath.Join(root, ".github", "comment"), "7", "plan")
			cmd.Env = append(os.Environ(), "DIR="+dir, "PATH="+filepath.Join(dir, "bin")+":"+os.Getenv("PATH"), "GITHUB_REPOSITORY=o/r",
				"GITHUB_STEP_SUMMARY="+filepath.Join(dir, "summary"), "BODY="+base64.StdEncoding.EncodeToString([]byte("a `plan` $(x)\n")))

			out, err := cmd.CombinedOutput()

			require.NoError(t, err, string(out))
			made := testkit.Tree(t, dir)
			assert.Equal(t, "<!-- plan -->\na `plan` $(x)\n", made["body"])
			assert.True(t, strings.HasPrefix(made["log"], list), made["log"])
			assert.Contains(t, made["log"], `select(.user.login == "github-actions[bot]" and (.body | startswith("<!-- plan -->")))`)
			assert.Contains(t, made["log"], c.call)
			summary := ""
			if c.refuse {
				summary = made["body"]
				assert.Contains(t, string(out), "::notice::The plan could not be written as a comment")
			}
			assert.Equal(t, summary, made["summary"])
		})
	}
}
