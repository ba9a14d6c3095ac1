package workflows

import (
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"lambdas.internal/ci/tool/internal/testkit"
)

// workflow has the parts of a workflow that the rules check.
type workflow struct {
	On          yaml.Node          `yaml:"on"`
	Permissions *map[string]string `yaml:"permissions"`
	Concurrency struct {
		Group  string `yaml:"group"`
		Cancel *bool  `yaml:"cancel-in-progress"`
	} `yaml:"concurrency"`
	Defaults struct {
		Run struct {
			Shell string `yaml:"shell"`
		} `yaml:"run"`
	} `yaml:"defaults"`
	Jobs map[string]job `yaml:"jobs"`
}

type job struct {
	If          string             `yaml:"if"`
	Permissions *map[string]string `yaml:"permissions"`
	Minutes     int                `yaml:"timeout-minutes"`
	Environment string             `yaml:"environment"`
	Steps       []step             `yaml:"steps"`
}

type step struct {
	Uses string         `yaml:"uses"`
	If   string         `yaml:"if"`
	Run  string         `yaml:"run"`
	With map[string]any `yaml:"with"`
}

var (
	// pinned matches an action of another repository by commit, with the version as a comment.
	pinned = regexp.MustCompile(`^([\w.-]+/[\w.-]+(?:/[\w./-]+)?)@([0-9a-f]{40}) # (v\d+\.\d+\.\d+)$`)
	using  = regexp.MustCompile(`(?m)^\s*(?:- )?uses:\s*(.+?)\s*$`)
)

// checkPins returns the problems of the actions that a file uses. of has the commits of the
// actions in other files, so that all files use the same commit of a repository.
func checkPins(content []byte, exists func(string) bool, of map[string]string) (problems []string) {
	for _, m := range using.FindAllStringSubmatch(string(content), -1) {
		if local, ok := strings.CutPrefix(m[1], "./"); ok {
			if !exists(local + "/action.yml") {
				problems = append(problems, m[1]+": there is no such action here")
			}
			continue
		}
		parts := pinned.FindStringSubmatch(m[1])
		if parts == nil {
			problems = append(problems, m[1]+": name the commit, and the version in a comment: owner/action@COMMIT # v1.2.3")
			continue
		}
		repository := strings.Join(strings.Split(parts[1], "/")[:2], "/")
		if at := parts[2] + " " + parts[3]; of[repository] == "" {
			of[repository] = at
		} else if of[repository] != at {
			problems = append(problems, fmt.Sprintf("%s: another file has %s of %s", m[1], of[repository], repository))
		}
	}
	return problems
}

func exists(name string) bool {
	_, err := os.Stat(filepath.Join(root, filepath.FromSlash(name)))
	return err == nil
}

func TestActionsArePinnedByCommit(t *testing.T) {
	of := map[string]string{}
	for _, file := range testkit.Sources(t, root, ".yml") {
		if strings.HasPrefix(file, ".github/") {
			assert.Empty(t, checkPins(testkit.Source(t, root, file), exists, of), file)
		}
	}
	assert.Equal(t, []string{"actions/cache", "actions/checkout", "actions/setup-go", "actions/upload-artifact", "aws-actions/configure-aws-credentials"},
		slices.Sorted(maps.Keys(of)), "each action is somebody else's program: say why in the commit that adds one")

	const commit = "3d3c42e5aac5ba805825da76410c181273ba90b1"
	for name, bad := range map[string]string{
		"a tag":                  "- uses: actions/checkout@v7",
		"a short commit":         "- uses: actions/checkout@3d3c42e # v7.0.1",
		"no version":             "  uses: actions/checkout@" + commit,
		"a branch as version":    "- uses: actions/checkout@" + commit + " # main",
		"an action that is gone": "- uses: ./.github/actions/gone",
		"another commit":         "- uses: actions/checkout@" + commit + " # v7.0.1\n- uses: actions/checkout@" + strings.Repeat("a", 40) + " # v7.0.1",
	} {
		assert.Len(t, checkPins([]byte(bad+"\n"), exists, map[string]string{}), 1, name)
	}
}

// checkRules returns the problems of a workflow.
func checkRules(content []byte) (problems []string) {
	var w workflow
	if err := yaml.Unmarshal(content, &w); err != nil {
		return []string{err.Error()}
	}
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if w.Permissions == nil || len(*w.Permissions) > 0 {
		bad("permissions: must be {}, so that a job has what it asks for and no more")
	}
	if w.Defaults.Run.Shell != "bash" {
		bad("defaults.run.shell: must be bash: without it the failure of a command before a pipe is lost")
	}
	ofRequests := strings.Contains(string(content), "pull_request:")
	switch {
	case strings.Contains(string(content), "pull_request_target"):
		bad("pull_request_target runs a stranger's code with this repository's rights")
	case w.Concurrency.Group == "" || w.Concurrency.Cancel == nil:
		bad("concurrency: name group and cancel-in-progress")
	case ofRequests != *w.Concurrency.Cancel:
		bad("concurrency: a pull request's run ends the one before; a release is never ended")
	case strings.Contains(string(content), "aws-actions/configure-aws-credentials@") && !ofRequests && w.Concurrency.Group != "release":
		bad("concurrency: all that changes AWS is of the group release")
	}
	for name, j := range w.Jobs {
		if j.Minutes == 0 {
			bad("%s: timeout-minutes is missing", name)
		}
		if j.Permissions == nil {
			bad("%s: permissions is missing", name)
			continue
		}
		login, logins, proposes, comments, releases, reports := 0, 0, false, false, false, false
		for n, s := range j.Steps {
			if strings.HasPrefix(s.Uses, "aws-actions/configure-aws-credentials@") {
				login, logins = n, logins+1
				if s.With["role-to-assume"] == nil || s.With["aws-access-key-id"] != nil {
					bad("%s: AWS is logged in to by a role", name)
				}
				if ofRequests && !strings.Contains(s.If, "head.repo.full_name == github.repository") {
					bad("%s: a pull request from a fork has no role", name)
				}
			}
			if strings.HasPrefix(s.Uses, "actions/checkout@") && s.With["persist-credentials"] != false {
				bad("%s: persist-credentials must be false: no step pushes", name)
			}
			proposes = proposes || strings.HasPrefix(s.Run, ".github/propose ")
			releases = releases || strings.HasPrefix(s.Run, ".github/release ")
			reports = reports || strings.HasPrefix(s.Run, ".github/report ")
			comments = comments || strings.HasPrefix(s.Run, ".github/comment ")
			if strings.Contains(s.Run, "${{") && strings.Contains(s.Run, "inputs.") {
				bad("%s: an input in a script is run as part of it; pass it by env", name)
			}
			// The saved state of the engine is used by other runs, and must have no secret.
			if logins > 0 && n > login && strings.HasPrefix(s.Uses, "actions/cache/save@") {
				bad("%s: the state is saved after the login to AWS", name)
			}
		}
		want := map[string]string{"contents": "read"}
		if logins > 0 {
			want["id-token"] = "write"
		}
		if proposes {
			want["contents"], want["pull-requests"] = "write", "write"
			if ofRequests || logins > 0 || len(j.Steps) != 2 {
				bad("%s: a job that may push checks out and proposes, and does nothing else", name)
			}
		}
		if comments {
			want["pull-requests"] = "write"
			if logins > 0 || len(j.Steps) != 2 || !strings.Contains(j.If, "head.repo.full_name == github.repository") {
				bad("%s: a job that may comment checks out and comments, and does nothing else, and not for a fork", name)
			}
		}
		if reports {
			want["issues"] = "write"
			if ofRequests || logins > 0 || len(j.Steps) != 2 {
				bad("%s: a job that may write issues checks out and reports, and does nothing else", name)
			}
		}
		if releases {
			want["contents"] = "write"
			if ofRequests || logins > 0 || len(j.Steps) != 3 || !strings.HasPrefix(j.Steps[1].Uses, "actions/cache/restore@") {
				bad("%s: a job that may release takes what another job made and releases it, and does nothing else", name)
			}
		}
		if !maps.Equal(want, *j.Permissions) {
			bad("%s: permissions are %v and must be %v", name, *j.Permissions, want)
		}
	}
	if strings.Contains(string(content), "secrets.") {
		bad("secrets: nothing here needs one")
	}
	slices.Sort(problems)
	return problems
}

func TestWorkflowRules(t *testing.T) {
	files := workflowFiles(t)
	for file, content := range files {
		assert.Empty(t, checkRules(content), path.Base(file))
	}
	change := func(file, from, to string) []byte {
		content := string(files[".github/workflows/"+file])
		require.Contains(t, content, from)
		return []byte(strings.Replace(content, from, to, 1))
	}
	for name, test := range map[string]struct {
		content []byte
		says    string
	}{
		"rights for all jobs":         {change("main.yml", "permissions: {}", "permissions: write-all"), "cannot unmarshal"},
		"rights by default":           {change("main.yml", "permissions: {}", ""), "must be {}"},
		"a right too many":            {change("main.yml", "contents: read", "contents: write"), "permissions are"},
		"an identity without a login": {change("pull-request.yml", "contents: read", "contents: read\n      id-token: write"), "permissions are"},
		"no shell":                    {change("main.yml", "shell: bash", ""), "shell"},
		"a release that is ended":     {change("main.yml", "cancel-in-progress: false", "cancel-in-progress: true"), "never ended"},
		"two releases at once":        {change("rollback.yml", "group: release", "group: rollback"), "group release"},
		"requests that pile up":       {change("pull-request.yml", "cancel-in-progress: true", "cancel-in-progress: false"), "ends the one before"},
		"a role for forks":            {change("pull-request.yml", "github.event.pull_request.head.repo.full_name == github.repository", "true"), "from a fork"},
		"a stranger's code":           {change("pull-request.yml", "  pull_request:", "  pull_request_target:"), "stranger"},
		"a token on disk":             {change("main.yml", "persist-credentials: false", "fetch-depth: 0"), "persist-credentials"},
		"no end":                      {change("main.yml", "timeout-minutes: 60", ""), "timeout-minutes"},
		"a key instead of a role":     {change("main.yml", "role-to-assume: ${{ vars.AWS_DEPLOY_ROLE }}", "aws-access-key-id: x"), "by a role"},
		"a push for each request":     {change("pins.yml", "on:", "on:\n  pull_request:"), "may push checks out"},
		"a comment with a build":      {change("pull-request.yml", "      - name: Make the comment", "      - uses: ./.github/actions/setup\n      - name: Make the comment"), "may comment checks out"},
		"tests that write issues":     {change("systems.yml", "      - run: make test\n", "      - run: .github/report x\n"), "does nothing else"},
		"a comment for a fork":        {change("pull-request.yml", "    if: github.actor != 'dependabot[bot]' && github.event.pull_request.head.repo.full_name == github.repository", "    if: true"), "not for a fork"},
		"a release with a build":      {change("release.yml", "      - name: Make the release", "      - uses: ./.github/actions/setup\n      - name: Make the release"), "may release takes"},
		"a release of a request":      {change("release.yml", "  push:\n    tags: ['v*']", "  pull_request:"), "may release takes"},
		"a push with a build":         {change("pins.yml", "      - name: Open", "      - uses: ./.github/actions/setup\n      - name: Open"), "may push checks out"},
		"a right to push for a build": {change("pins.yml", "contents: read", "contents: write"), "permissions are"},
		"an input in a script":        {change("rollback.yml", `"$TO"`, "'${{ inputs.to }}'"), "pass it by env"},
	} {
		t.Run(name, func(t *testing.T) {
			problems := checkRules(test.content)
			require.NotEmpty(t, problems)
			assert.Contains(t, strings.Join(problems, "\n"), test.says)
		})
	}
}

// The version of Dagger is only in dagger.json, and that of Go only in go.work: no other
// file that a program reads repeats them.
func TestVersionsAreInOnePlace(t *testing.T) {
	version := regexp.MustCompile(`"engineVersion": "(v[0-9.]+)"`).FindSubmatch(testkit.Source(t, root, "dagger.json"))
	require.NotNil(t, version)
	toolchain := regexp.MustCompile(`(?m)^toolchain go([0-9.]+)$`).FindSubmatch(testkit.Source(t, root, "go.work"))
	require.NotNil(t, toolchain)
	for _, file := range append(testkit.Sources(t, root, ".yml", ".sh"), "Makefile", ".github/summarize", ".github/markdown", ".github/comment", ".github/install", ".github/propose", ".github/provide", ".github/release", ".github/report") {
		content := string(testkit.Source(t, root, file))
		assert.NotContains(t, content, strings.TrimPrefix(string(version[1]), "v"), "%s repeats the version of Dagger", file)
		assert.NotContains(t, content, string(toolchain[1]), "%s repeats the version of Go", file)
	}
}
