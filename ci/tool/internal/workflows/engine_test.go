package workflows

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// runner is a machine on which ci/engine.sh runs. Its programs log how they were called,
// and do only what the test needs.
type runner struct {
	dir string
	env []string
}

func newRunner(t *testing.T) runner {
	t.Helper()
	r := runner{dir: t.TempDir()}
	programs := map[string]string{
		"docker":  `echo "docker $*" >>"$DIR/log"; case "$*" in "volume inspect"*) echo "$DIR/volume" ;; esac`,
		"curl":    `echo "curl $*" >>"$DIR/log"; echo 'printf "#!/bin/sh\necho dagger %s linux/amd64\n" "$DAGGER_VERSION" >"$BIN_DIR/dagger"'`,
		"install": `echo "install $*" >>"$DIR/log"; cp "$3" "$DIR/bin/dagger"; chmod +x "$DIR/bin/dagger"`,
		"sudo":    `"$@"`,
		"zstd":    `case "$*" in *-d*) exec gzip -dc ;; *) exec gzip -c ;; esac`, // not every machine has zstd
	}
	for name, script := range programs {
		file := filepath.Join(r.dir, "bin", name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte("#!/bin/sh\n"+script+"\n"), 0o755))
	}
	require.NoError(t, os.Mkdir(filepath.Join(r.dir, "volume"), 0o755))
	r.env = []string{"DIR=" + r.dir, "HOME=" + r.dir, "PATH=" + r.dir + "/bin:" + os.Getenv("PATH")}
	return r
}

// engine runs ci/engine.sh and returns its output and the log of the calls.
func (r runner) engine(t *testing.T, env []string, args ...string) (stdout, log string, err error) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "log"), nil, 0o644))
	script, err := filepath.Abs(filepath.Join(root, "ci", "engine.sh"))
	require.NoError(t, err)
	cmd := exec.Command(script, args...)
	cmd.Env = append(r.env, env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	called, readErr := os.ReadFile(filepath.Join(r.dir, "log"))
	require.NoError(t, readErr)
	if err == nil {
		require.Empty(t, stderr.String())
	}
	return string(out) + stderr.String(), string(called), err
}

func TestTheStateOfTheEngineComesBack(t *testing.T) {
	version := regexp.MustCompile(`"engineVersion": "(v[0-9.]+)"`).FindSubmatch(testkit.Source(t, root, "dagger.json"))
	require.NotNil(t, version)
	host := "_EXPERIMENTAL_DAGGER_RUNNER_HOST=image://registry.dagger.io/engine:" + string(version[1]) + "?container=dagger-engine-ci&volume=dagger-engine-ci\n"

	first := newRunner(t)
	archive := filepath.Join(t.TempDir(), "state.tar.zst")
	out, log, err := first.engine(t, nil, "start", archive)
	require.NoError(t, err, out)
	assert.Equal(t, host, out)
	assert.Contains(t, log, "docker volume create dagger-engine-ci\n")
	got, err := exec.Command(filepath.Join(first.dir, "bin", "dagger")).Output()
	require.NoError(t, err)
	assert.Equal(t, "dagger "+string(version[1])+" linux/amd64\n", string(got), "the version of dagger.json")
	config, err := os.ReadFile(filepath.Join(first.dir, ".config/dagger/engine.json"))
	require.NoError(t, err)
	assert.JSONEq(t, `{"gc": {"maxUsedSpace": 6000000000}}`, string(config))

	testkit.Write(t, filepath.Join(first.dir, "volume"), map[string]string{"a/b": "state"})
	out, log, err = first.engine(t, nil, "save", archive)
	require.NoError(t, err, out)
	assert.Regexp(t, `^docker stop --time [0-9]+ dagger-engine-ci\n`, log, "the engine ends before its state is read")

	second := newRunner(t)
	out, log, err = second.engine(t, nil, "start", archive)
	require.NoError(t, err, out)
	assert.Equal(t, host, out)
	assert.Equal(t, map[string]string{"a/b": "state"}, testkit.Tree(t, filepath.Join(second.dir, "volume")))
	assert.Contains(t, log, "curl ")
	_, log, err = second.engine(t, nil, "start")
	require.NoError(t, err)
	assert.NotContains(t, log, "curl ", "the dagger command is installed already")

	// With another engine.
	out, log, err = newRunner(t).engine(t, []string{"_EXPERIMENTAL_DAGGER_RUNNER_HOST=tcp://engine:1"}, "start", archive)
	require.NoError(t, err)
	assert.Empty(t, out)
	assert.NotContains(t, log, "docker")
}

func TestEngineFailures(t *testing.T) {
	r := newRunner(t)
	for name, args := range map[string][]string{"nothing": nil, "another word": {"stop"}, "no archive": {"save"}} {
		out, _, err := r.engine(t, nil, args...)
		require.Error(t, err, name)
		assert.Regexp(t, `^ci/engine.sh: .*\n$`, out, name)
	}
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, "bin", "docker"), []byte("#!/bin/sh\nexit 1\n"), 0o755))
	out, _, err := r.engine(t, nil, "start")
	require.Error(t, err)
	assert.Equal(t, "ci/engine.sh: docker does not answer; dagger call needs it (in CodeBuild: a privileged build), bin/ci does not\n", out)
}

func TestSummarize(t *testing.T) {
	for name, c := range map[string]struct {
		command, out, summary string
		code                  int
	}{
		"lines":                    {"echo a; echo; echo b", "a\n\nb\n", "a<br>\n\nb<br>\n", 0},
		"a failure":                {"echo c; exit 3", "c\n", "c<br>\n\nIt failed with exit code 3; the log of the step says why.\n", 3},
		"nothing":                  {"true", "", "", 0},
		"a last line without end":  {"printf a", "a", "a<br>\n", 0},
		"markup":                   {"echo '# a'; echo '1. <b> [x](y) `z` *w*'; echo '- ~_|'; echo ===", "# a\n1. <b> [x](y) `z` *w*\n- ~_|\n===\n", "\\# a<br>\n1\\. &lt;b\\> \\[x\\](y) \\`z\\` \\*w\\*<br>\n\\- \\~\\_\\|<br>\n\\===<br>\n", 0},
		"a name":                   {"echo @everyone", "@everyone\n", "@<!-- -->everyone<br>\n", 0},
		"a table":                  {`printf 'IMAGE  WHY NOW  MB\napi    é b      1\nx      a|b\nend of it\n'`, "IMAGE  WHY NOW  MB\napi    é b      1\nx      a|b\nend of it\n", "| IMAGE | WHY NOW | MB |\n| --- | --- | --- |\n| api | é b | 1 |\n| x | a\\|b |  |\n\nend of it<br>\n", 0},
		"a table after lines":      {`printf 'x\nA  B\n1  2\n'`, "x\nA  B\n1  2\n", "x<br>\n\n| A | B |\n| --- | --- |\n| 1 | 2 |\n", 0},
		"words in capitals":        {"echo 'NO TABLE'", "NO TABLE\n", "NO TABLE<br>\n", 0},
		"more than a summary has":  {"echo x; head -c 1000001 /dev/zero | tr '\\0' x", "x\n" + strings.Repeat("x", 1_000_001), "x<br>\n\nThe output is longer than 1000000 bytes; all of it is in the log of the step.\n", 0},
		"what a runner would obey": {"echo ::error::x", "::error::x\n", "::error::x<br>\n", 0},
	} {
		t.Run(name, func(t *testing.T) {
			summary := filepath.Join(t.TempDir(), "summary.md")
			cmd := exec.Command(filepath.Join(root, ".github", "summarize"), "The title", "sh", "-c", c.command)
			cmd.Env = append(os.Environ(), "GITHUB_STEP_SUMMARY="+summary, "GITHUB_ACTIONS=true")
			var stderr strings.Builder
			cmd.Stderr = &stderr
			out, _ := cmd.Output()
			assert.Equal(t, c.out, string(out))
			assert.Equal(t, c.code, cmd.ProcessState.ExitCode(), "a failure is not lost in the pipe")
			got, err := os.ReadFile(summary)
			require.NoError(t, err)
			assert.Equal(t, "## The title\n\n"+c.summary, string(got))
			stopped := regexp.MustCompile(`^::stop-commands::([0-9a-f]{32})\n::([0-9a-f]{32})::\n$`).FindStringSubmatch(stderr.String())
			require.NotNil(t, stopped, stderr.String())
			assert.Equal(t, stopped[1], stopped[2], "the runner obeys no line of the output")
		})
	}
}
