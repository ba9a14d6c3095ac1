package gobuild

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestTheCollectorOfTheUserGoesFirst(t *testing.T) {
	for own, want := range map[string]string{"": "GOGC=400", "50": "GOGC=50", "off": "GOGC=off"} {
		t.Run(own, func(t *testing.T) {
			t.Setenv("GOGC", own)
			if own == "" {
				require.NoError(t, os.Unsetenv("GOGC"))
			}
			cmd := exec.Command("go")
			cmd.Env = command{}.environ()
			got := slices.DeleteFunc(cmd.Environ(), func(v string) bool { return !strings.HasPrefix(v, "GOGC=") })
			assert.Equal(t, []string{want}, got, "a process gets one variable of each name")
		})
	}
}
