package main

import (
	"encoding/json"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// A mistake in the command line exits with 2, and the message names the flag or argument
// and what to write instead.
func TestUsageMistakes(t *testing.T) {
	root := publishable(t, nil)
	for line, want := range map[string]string{
		"image":                             "ci: bin/ci image needs --name; see `bin/ci image --help`\n",
		"invoke":                            "ci: bin/ci invoke needs --name; see `bin/ci invoke --help`\n",
		"sbom":                              "ci: bin/ci sbom needs --name; see `bin/ci sbom --help`\n",
		"provenance":                        "ci: bin/ci provenance needs --commit and --name; see `bin/ci provenance --help`\n",
		"verify":                            "ci: bin/ci verify needs --commit; see `bin/ci verify --help`\n",
		"invoke --name beta --event a.json": "ci: read the event of beta: open a.json: no such file or directory; pass --event FILE, or --event - for standard input\n",
		"invoke --name beta --image A!":     "ci: --image: \"A!\" is not an image reference; write registry/repository:tag or registry/repository@digest\n",
		"invoke --name beta --emulator x":   "ci: --emulator: \"x\" is not a URL; write http://HOST:PORT\n",
		"invoke --name beta --timeout 0s":   "ci: --timeout: 0s is not a time to wait; pass a duration like 30s or 2m\n",
		"invoke --name beta --image a/b:c --base static":         "ci: --base says what to build; it cannot be combined with --image\n",
		"invoke --name beta --emulator http://a:1 --image a/b:c": "ci: --image says how to start a function here; it cannot be combined with --emulator\n",
		"invoke --name beta --remote --emulator http://a:1":      "ci: --emulator says how to start a function here; it cannot be combined with --remote\n",
		"image --name beta --layout dist --platform linux/arm64": "ci: --platform says what to build; it cannot be combined with --layout\n",
		"sbom --name beta --commit abc1234 --from dist":          "ci: --from says what to build; it cannot be combined with --commit\n",
		"audit --from dist --base static":                        "ci: --base says what to build; it cannot be combined with --from\n",
		"publish --from dist --commit abc1234 --ffmpeg static":   "ci: --ffmpeg says what to build; it cannot be combined with --from\n",
		"cost --from dist --mirror docker.io=localhost":          "ci: --mirror says what to build; it cannot be combined with --from\n",
		"cost --published --mirror docker.io=localhost":          "ci: --mirror says what to build; it cannot be combined with --published\n",
		"publish --local --serve --dry-run":                      "ci: --serve cannot be combined with --dry-run, which publishes nothing to serve\n",
		"build-all --platform linux/arm64,linux/arm64":           "ci: --platform names linux/arm64 twice\n",
		"build-all --platform linux/arm64,linux/arm":             "ci: --platform: Lambda does not run \"linux/arm\"; pass linux/amd64 or linux/arm64\n",
		"audit --platform linux/amd64,linux/arm64":               "ci: --platform: Lambda does not run \"linux/amd64,linux/arm64\"; pass linux/amd64 or linux/arm64\n",
		"build-all --only nonsense":                              "ci: no image is named \"nonsense\"; the images are alpha, beta\n",
		"build-all --ffmpeg A!":                                  "ci: --ffmpeg: \"A!\" is not an image reference; write registry/repository:tag or registry/repository@digest\n",
		"registry --port 70000":                                  "ci: --port: 70000 is not a port; pass 0 to 65535\n",
		"publish --local --port -1":                              "ci: --port: -1 is not a port; pass 0 to 65535\n",
		"retention --public-registry a://b":                      "ci: --public-registry: \"a://b\" is not the name of a registry; write host[:port][/path]\n",
		"up --listen 8080":                                       "ci: --listen: \"8080\" is not an address; write HOST:PORT\n",
		"list --root " + root + "/nowhere":                       "ci: --root: stat " + root + "/nowhere: no such file or directory; pass the folder with go.work and functions/\n",
		"completion":                                             "ci: pass one shell: bash, zsh, fish or powershell; see `bin/ci completion --help`\n",
		"completion tcsh":                                        "ci: pass one shell: bash, zsh, fish or powershell; see `bin/ci completion --help`\n",
		"help lst":                                               "ci: \"lst\" is not a command or flag (did you mean \"list\"?); see `bin/ci --help`\n",
		"help list x":                                            "ci: \"x\" is not a command or flag; see `bin/ci list --help`\n",
	} {
		t.Run(line, func(t *testing.T) {
			args := strings.Fields(line)
			if args[0] != "list" {
				args = append(args, "--root", root)
			}
			var stdout, stderr strings.Builder
			assert.Equal(t, exitUsage, run(t.Context(), args, &stdout, &stderr))
			assert.Equal(t, want, stderr.String())
			assert.Empty(t, stdout.String())
		})
	}
}

func TestVersion(t *testing.T) {
	assert.Regexp(t, `^commit ([0-9a-f]{40}( with uncommitted changes)?|\(unknown: not built in a git checkout\))\n`+
		regexp.QuoteMeta(runtime.Version()+"\n"+runtime.GOOS+"/"+runtime.GOARCH+"\n")+`$`, string(ci(t, "version")))
	var v versionResult
	require.NoError(t, json.Unmarshal(ci(t, "version", "--json"), &v))
	assert.Equal(t, runtime.Version(), v.Go)
	assert.Equal(t, runtime.GOOS+"/"+runtime.GOARCH, v.Platform)
	assert.Regexp(t, `^([0-9a-f]{40})?$`, v.Commit)
}

func TestThisRepositoryCompletion(t *testing.T) {
	for shell, want := range map[string]string{
		"bash": "complete -o default -F __start_ci ci\n", "zsh": "#compdef ci\n", "fish": "complete -c ci ", "powershell": "Register-ArgumentCompleter -CommandName 'ci'",
	} {
		assert.Contains(t, string(ci(t, "completion", shell)), want, shell)
	}
	images := string(ci(t, "__complete", "build-all", "--root", repository, "--only", ""))
	assert.Regexp(t, `^api\t.+\nenhance\t.+\nselect\t.+\nthumb\t.+\nvideo\t.+\n:4\n$`, images)
	assert.Equal(t, "linux/amd64\nlinux/arm64\n:4\n", string(ci(t, "__complete", "build-all", "--platform", "")))
}

// bareCI is a command line of the program without bin/, where ci may not be on the PATH.
var bareCI = regexp.MustCompile("(^|[\\s`\"(;&])ci [a-z-]{3,}")

func TestThisRepositoryTextsSayBinCI(t *testing.T) {
	t.Parallel()
	for _, cmd := range append(newRoot().Commands(), newRoot(), newHelp()) {
		text := cmd.Short + "\n" + cmd.Long + "\n" + cmd.Example
		cmd.Flags().VisitAll(func(f *pflag.Flag) { text += "\n" + f.Usage })
		assert.NotRegexp(t, bareCI, text, cmd.Name())
	}
	messages := regexp.MustCompile("[`\"]ci [a-z-]{3,}")
	for _, file := range testkit.Sources(t, repository, ".go") {
		if strings.HasSuffix(file, "_test.go") || strings.HasSuffix(file, ".gen.go") {
			continue
		}
		for line := range strings.Lines(string(testkit.Source(t, repository, file))) {
			if !strings.HasPrefix(strings.TrimSpace(line), "//") {
				assert.NotRegexp(t, messages, line, file)
			}
		}
	}
}

func TestRunsOn(t *testing.T) {
	root := newRoot()
	for _, cmd := range append(root.Commands(), root) {
		require.NoError(t, runsOn("darwin", cmd))
		err := runsOn("windows", cmd)
		switch cmd.Name() {
		case "ci", "version", "completion":
			require.NoError(t, err, cmd.Name())
		default:
			require.EqualError(t, err, "bin/ci "+cmd.Name()+" does not run on Windows itself; use WSL: type `wsl --install`, then clone the repository and build there")
		}
	}
}
