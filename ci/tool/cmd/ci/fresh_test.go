package main

import (
	"encoding/json"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/lock"
)

// What a user names is asked for each time: a registry that was down a moment ago, and a tag
// that names another image now.
func TestAnAnswerIsFresh(t *testing.T) {
	t.Parallel()
	base := func(text string) (digest string, push func(*testkit.Registry)) {
		img := testkit.OCIImage(t, testkit.AMD64, layer.Text("lambda-entrypoint.sh", 0o755, text))
		return testkit.DigestOf(t, img).String(), func(r *testkit.Registry) { r.Push(t, "base:1", img) }
	}
	first, pushFirst := base("#!/bin/sh\n")
	second, pushSecond := base("#!/bin/sh\nexit 1\n")
	for name, byFlag := range map[string]bool{
		"a base that a flag names":                       true,
		"a base that the lock file names without digest": false,
	} {
		t.Run(name, func(t *testing.T) {
			r := testkit.NewRegistry(t)
			pushFirst(r)
			l := lock.New(runtime.Version())
			l.Base = lock.Image{Reference: r.Host + "/base:1", Unresolved: "not asked yet"}
			data, err := json.Marshal(l)
			require.NoError(t, err)
			root := publishable(t, map[string]string{"ci/images.lock.json": string(data)})
			args := []string{"build-all", "--only", "alpha", "--json"}
			if byFlag {
				args = append(args, "--base", r.Host+"/base:1")
			}

			r.Stop()
			down := command(t, root, args...)
			if byFlag {
				assert.Equal(t, exitFailed, down.code)
				assert.Contains(t, down.stderr, "connection refused")
			} else {
				assert.Empty(t, reported(t, []byte(down.stdout)).Images[0].BaseDigest, "the static one")
				assert.Contains(t, down.stderr+down.stdout, "no registry can be reached")
			}
			r.Restart(t)
			up := command(t, root, args...)
			require.Equal(t, exitDone, up.code, up.stderr)
			assert.Equal(t, first, reported(t, []byte(up.stdout)).Images[0].BaseDigest)

			pushSecond(r)
			moved := command(t, root, args...)
			require.Equal(t, exitDone, moved.code, moved.stderr)
			assert.Equal(t, second, reported(t, []byte(moved.stdout)).Images[0].BaseDigest)

			asked := r.Requests.Load()
			pinned := command(t, root, "build-all", "--only", "alpha", "--base", r.Host+"/base@"+second)
			require.Equal(t, exitDone, pinned.code, pinned.stderr)
			assert.Equal(t, asked, r.Requests.Load(), "what is named by digest, and is there, is not asked for")
		})
	}
}
