package enginetest

import (
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// An engine that is killed in the middle of a build leaves nothing that it takes for a result
// when it is started again.
func TestKilledEngineGivesTheRightDigests(t *testing.T) {
	restart := os.Getenv("CI_TEST_ENGINE_RESTART")
	if restart == "" {
		t.Skip("CI_TEST_ENGINE_RESTART is no command that kills the engine and starts it again")
	}
	exportedFrom(t, edited(t, 200)) // what is not edited is there already
	for wait := 2 * time.Second; ; wait /= 2 {
		require.Greater(t, wait, 100*time.Millisecond, "no build was in its middle")
		dir := edited(t, 200)
		build := exec.CommandContext(t.Context(), "dagger", slices.Concat([]string{"--silent", "call"}, references(), []string{"build-all"})...)
		build.Dir = dir
		require.NoError(t, build.Start())
		time.Sleep(wait)
		out, err := exec.CommandContext(t.Context(), "sh", "-c", restart).CombinedOutput()
		require.NoError(t, err, "%s", out)
		if build.Wait() == nil {
			continue // it was done before
		}
		assert.Equal(t, onThisMachine(t, program(t), dir, t.TempDir()), readLayout(t, exportedFrom(t, dir)))
		return
	}
}
