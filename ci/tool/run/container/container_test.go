package container

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// script stands for a container program: it notes its arguments, and says what FAIL_NAME says
// if that is set.
const script = `#!/bin/sh
name=${0##*/}
echo "$name $*" >> "$CALLS"
[ "$1 $2" != "image load" ] || cat > "$CALLS.loaded"
[ "$1" != system ] || echo "$DOMAINS"
eval says=\$FAIL_$name
[ -z "$says" ] || { echo "a warning" >&2; echo "$says" >&2; exit 1; }
`

// install makes the named programs the only container programs, and returns what reads their
// calls.
func install(t *testing.T, names ...string) (calls func() []string) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range names {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755))
	}
	require.NoError(t, os.Symlink("/bin/cat", filepath.Join(dir, "cat")))
	t.Setenv("PATH", dir)
	file := filepath.Join(t.TempDir(), "calls")
	t.Setenv("CALLS", file)
	return func() []string {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, os.Remove(file))
		return strings.Split(strings.TrimSpace(string(data)), "\n")
	}
}

func TestFind(t *testing.T) {
	for name, test := range map[string]struct {
		installed []string
		env       map[string]string
		found     string
		err       string
	}{
		"nothing": {err: "no container program is installed; install one of docker, podman, nerdctl, finch, container"},
		"one":     {installed: []string{"nerdctl"}, found: "nerdctl"},
		"several": {installed: []string{"finch", "podman"}, found: "podman"},
		"the first has no daemon": {installed: []string{"docker", "podman"}, found: "podman",
			env: map[string]string{"FAIL_docker": "Cannot connect to the Docker daemon"}},
		"none has one": {installed: []string{"docker", "podman"}, err: "no container program answers: docker image ls: Cannot connect; podman image ls: no machine; start one",
			env: map[string]string{"FAIL_docker": "Cannot connect", "FAIL_podman": "no machine"}},
		"Apple's": {installed: []string{"container"}, found: "container", env: map[string]string{"DOMAINS": "host.localhost"}},
		"Apple's, where this machine has no name": {installed: []string{"container"},
			err: "no container program answers: container does not know this machine by name; type once: sudo container system dns create host.localhost --localhost 203.0.113.113; start one"},
	} {
		t.Run(name, func(t *testing.T) {
			install(t, test.installed...)
			for key, value := range test.env {
				t.Setenv(key, value)
			}

			p, err := Find(t.Context())

			if test.err != "" {
				require.EqualError(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.found, p.Name)
		})
	}
}

// Each program gets the commands that its own reference has:
// https://docs.docker.com/reference/cli/docker/
// https://docs.podman.io/en/latest/Commands.html
// https://github.com/containerd/nerdctl/blob/main/docs/command-reference.md
// https://runfinch.com/docs/cli-reference/
// https://github.com/apple/container/blob/main/docs/command-reference.md
func TestCommandLines(t *testing.T) {
	other := map[string]string{"amd64": "linux/arm64", "arm64": "linux/amd64"}[runtime.GOARCH]
	const here = "linux/" + runtime.GOARCH
	for name, test := range map[string]struct {
		program, platform string
		virtual           bool
		load, run         string
	}{
		"docker on Linux": {program: "docker", platform: here, load: "image load",
			run: "run --rm --name NAME --pull never --network host --env API --env PATH=/bin --entrypoint /x REF"},
		"docker on macOS": {program: "docker", platform: here, virtual: true, load: "image load",
			run: "run --rm --name NAME --pull never --add-host host.localhost:host-gateway --env API --env PATH=/bin --entrypoint /x REF"},
		"podman for another architecture": {program: "podman", platform: other, virtual: true, load: "image load",
			run: "run --rm --name NAME --pull never --add-host host.localhost:host-gateway --platform " + other + " --env API --env PATH=/bin --entrypoint /x REF"},
		"finch for another architecture": {program: "finch", platform: other, virtual: true, load: "image load --platform " + other,
			run: "run --rm --name NAME --pull never --add-host host.localhost:host-gateway --platform " + other + " --env API --env PATH=/bin --entrypoint /x REF"},
		"Apple's": {program: "container", platform: here, virtual: true, load: "image load --input FILE",
			run: "run --rm --name NAME --env API --env PATH=/bin --entrypoint /x REF"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := install(t, test.program)
			t.Setenv("DOMAINS", Host)
			p, err := Find(t.Context())
			require.NoError(t, err)
			p.virtual = test.virtual
			calls()

			ref := Reference("api")
			i, err := p.Load(t.Context(), ref, test.platform, func(w io.Writer) error {
				_, err := io.WriteString(w, "an archive")
				return err
			})
			require.NoError(t, err)
			c := i.Command("/x", []string{"API=http://127.0.0.1:80", "PATH=/bin"})
			require.NoError(t, c.Remove())
			require.NoError(t, i.Remove())

			loaded := strings.Fields(calls()[0])
			if at := len(loaded) - 1; strings.HasSuffix(test.load, "FILE") {
				assert.NoFileExists(t, loaded[at])
				loaded[at] = "FILE"
			} else {
				data, err := os.ReadFile(os.Getenv("CALLS") + ".loaded")
				require.NoError(t, err)
				assert.Equal(t, "an archive", string(data))
			}
			assert.Equal(t, test.program+" "+test.load, strings.Join(loaded, " "))
			assert.Equal(t, test.run, strings.NewReplacer(c.name, "NAME", ref, "REF").Replace(strings.Join(c.Args[1:], " ")))
			host := "127.0.0.1"
			if test.virtual {
				host = "host.localhost"
			}
			assert.Contains(t, c.Env, "API=http://"+host+":80")
		})
	}
}

func TestWhatIsLoadedIsRemoved(t *testing.T) {
	calls := install(t, "docker")
	p, err := Find(t.Context())
	require.NoError(t, err)
	calls()

	_, err = p.Load(t.Context(), "localhost/api:1", "linux/amd64", func(io.Writer) error { return io.ErrUnexpectedEOF })

	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, []string{"docker image load", "docker image rm localhost/api:1"}, calls(), "a part of an image too")

	i := &Image{p, "localhost/api:1", "linux/amd64"}
	c := i.Command("/x", nil)
	t.Setenv("FAIL_docker", "Error: No such image")
	require.NoError(t, errors.Join(c.Remove(), i.Remove()), "it is gone already")
	assert.Equal(t, []string{"docker kill " + c.name, "docker rm --force " + c.name, "docker image rm localhost/api:1"}, calls())
	t.Setenv("FAIL_docker", "the daemon is gone")
	require.EqualError(t, c.Remove(), "remove the container; type `docker rm --force "+c.name+"`: docker rm --force: the daemon is gone")
	require.EqualError(t, i.Remove(), "remove the image; type `docker image rm localhost/api:1`: docker image rm: the daemon is gone")
}

func TestOfHost(t *testing.T) {
	for value, want := range map[string]string{
		"http://127.0.0.1:9000":            "http://host.localhost:9000",
		"http://localhost:9000/a":          "http://host.localhost:9000/a",
		"127.0.0.1:9000":                   "host.localhost:9000",
		"https://example.com/127.0.0.1":    "https://example.com/127.0.0.1",
		"http://notlocalhost:1":            "http://notlocalhost:1",
		"a=http://127.0.0.1:1,http://b.de": "a=http://host.localhost:1,http://b.de",
		"":                                 "",
	} {
		assert.Equal(t, want, ofHost(value), value)
	}
}
