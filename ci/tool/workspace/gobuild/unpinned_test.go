package gobuild

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A module that only decides versions is required by no go.mod of the workspace: it is in go.work.sum,
// and no pattern of packages records it.
func TestAChecksumOfAModuleThatNoneRequires(t *testing.T) {
	before := "example.test/other v1.0.0 h1:x\n"
	for name, line := range map[string]string{
		"of its go.mod":  "example.test/words v1.0.0/go.mod h1:x\n",
		"of its content": "example.test/words v1.0.0 h1:x\n",
	} {
		t.Run(name, func(t *testing.T) {
			err := unpinned(t.TempDir(), []byte(before), []byte(before+line))

			require.EqualError(t, err, "go.work.sum: example.test/words v1.0.0: has no checksum, so nothing says what it must contain; "+
				"record it with `go mod download`, and commit the file")
		})
	}
}
