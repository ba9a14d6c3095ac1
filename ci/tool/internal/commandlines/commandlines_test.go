package commandlines_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/commandlines"
)

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		file, content string
		want          []string
	}{
		"blocks": {"a.md", "text\n\n```\nbin/ci list   # a comment\nls\nci deploy --commit abc1234 \\\n  --smoke\n```\n\n    ci plan\n",
			[]string{"bin/ci list", "ci deploy --commit abc1234 --smoke", "ci plan"}},
		"blocks with what was printed": {"a.md", "```\n$ ci list\nci: failed\n$ ls | ci plan; ci status\n```\n",
			[]string{"ci list", "ci plan", "ci status"}},
		"a picture": {"a.md", "```\nci list        ci plan\n   |              |\nci audit       # a comment\n```\n",
			[]string{"ci audit"}},
		"spans": {"a.md", "Run `ci plan --json` and `ci`, not `cite this` or `ls`.\n",
			[]string{"ci plan --json"}},
		"a table": {"a.md", "| a | b |\n|---|---|\n| `ci image --name api` | does |\n",
			[]string{"ci image --name api"}},
		"a workflow": {"a.yml", "jobs:\n  a:\n    name: ci list\n    steps:\n      - run: ci list\n      - run: |\n          if true; then ci plan --since \"$A\" ${{ b.c }}; fi\n          x=$(ci status)\n",
			[]string{"ci list", "ci plan --since 1234567 1234567", "ci status"}},
		"a wrapped one": {"a.yml", "run: .github/summarize 'The plan' bin/ci plan\n",
			[]string{"bin/ci plan"}},
		"a build specification": {"a.yml", "phases:\n  build:\n    commands:\n      - ci list\n      - A=b ci plan && ci audit\n    finally:\n      - ci status\n",
			[]string{"ci list", "ci plan", "ci audit", "ci status"}},
		"a script": {"a.sh", "f() { ci list \"$@\"; }\n", []string{"ci list 1234567"}},
	} {
		t.Run(name, func(t *testing.T) {
			lines, err := commandlines.Find(test.file, []byte(test.content), "ci")
			require.NoError(t, err)
			var got []string
			for _, l := range lines {
				got = append(got, l.Text)
			}
			assert.Equal(t, test.want, got)
		})
	}
	_, err := commandlines.Find("a.yml", []byte("run: ci list (\n"), "ci")
	require.ErrorContains(t, err, "a.yml: ")
	_, err = commandlines.Find("a.yml", []byte("run: [\n"), "ci")
	require.ErrorContains(t, err, "a.yml: ")
}
