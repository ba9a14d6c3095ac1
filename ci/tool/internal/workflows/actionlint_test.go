package workflows

import (
	"bytes"
	"io"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// lint returns the problems that actionlint finds in a workflow of this repository.
func lint(t *testing.T, name string, content []byte) []*actionlint.Error {
	t.Helper()
	dir, err := filepath.Abs(root)
	require.NoError(t, err)
	project, err := actionlint.NewProject(dir)
	require.NoError(t, err)
	// Without shellcheck and pyflakes, because not every machine has them.
	linter, err := actionlint.NewLinter(io.Discard, &actionlint.LinterOptions{WorkingDir: dir})
	require.NoError(t, err)
	found, err := linter.Lint(filepath.Join(dir, name), content, project)
	require.NoError(t, err)
	return found
}

// workflowFiles returns the content of the workflows by file name.
func workflowFiles(t *testing.T) map[string][]byte {
	t.Helper()
	files := map[string][]byte{}
	for _, file := range testkit.Sources(t, root, ".yml") {
		if path.Dir(file) == ".github/workflows" {
			files[file] = testkit.Source(t, root, file)
		}
	}
	require.NotEmpty(t, files)
	return files
}

func TestActionlint(t *testing.T) {
	for file, content := range workflowFiles(t) {
		for _, e := range lint(t, file, content) {
			assert.Fail(t, e.Error())
		}
	}
}

func TestActionlintSeesMistakes(t *testing.T) {
	const file = ".github/workflows/main.yml"
	good := testkit.Source(t, root, file)
	for name, test := range map[string]struct{ from, to, kind string }{
		"a job that is not there":       {"needs: checks", "needs: check", "job-needs"},
		"a step that is not there":      {"steps.dagger.outputs.keep", "steps.daggr.outputs.keep", "expression"},
		"an output that is not there":   {"steps.dagger.outputs.keep", "steps.dagger.outputs.kept", "expression"},
		"a key that is none":            {"runs-on: ubuntu-24.04", "run-on: ubuntu-24.04", "syntax-check"},
		"a runner that is none":         {"runs-on: ubuntu-24.04", "runs-on: ubuntu-2404", "runner-label"},
		"a permission that is none":     {"id-token: write", "id-tokens: write", "permissions"},
		"an action's input that is not": {"runner-host:", "runner:", "action"},
		"an event that is none":         {"  push:\n", "  pushed:\n", "events"},
	} {
		t.Run(name, func(t *testing.T) {
			require.Contains(t, string(good), test.from)
			found := lint(t, file, bytes.Replace(good, []byte(test.from), []byte(test.to), 1))
			require.NotEmpty(t, found)
			var kinds []string
			for _, e := range found {
				kinds = append(kinds, e.Kind)
			}
			assert.Contains(t, kinds, test.kind, strings.TrimSpace(found[0].Error()))
		})
	}
}
