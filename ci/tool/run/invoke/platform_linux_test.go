package invoke

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

func TestTheSmallestProgramOfThisMachineRuns(t *testing.T) {
	require.NoError(t, try(runtime.GOARCH, func(file string) *exec.Cmd { return exec.Command(file) }))
}

// What the smallest program says holds for a program of Go.
func TestRuns(t *testing.T) {
	for architecture := range exits {
		t.Run(architecture, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "program")
			require.NoError(t, os.WriteFile(file, []byte(testkit.GoProgram(t, architecture)), 0o700))
			runs := exec.Command(file).Run() == nil

			err := Runs(architecture)

			if runs {
				require.NoError(t, err)
				return
			}
			assert.EqualError(t, err, "linux/"+architecture+": this machine, linux/"+runtime.GOARCH+", cannot run its programs")
		})
	}
}
