package audit

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestMoveExceptions(t *testing.T) {
	const content = `{"packages": ["functions/a/x", "shared/y"], "functions": [{"file": "functions/a/h.go", "name": "F", "reason": "r"}, {"file": "functions/ab/h.go", "name": "G", "reason": "r"}]}`
	for name, c := range map[string]struct {
		from, to string
		changed  bool
		packages []string
		files    []string
	}{
		"renamed":      {"functions/a", "functions/b", true, []string{"functions/b/x", "shared/y"}, []string{"functions/b/h.go", "functions/ab/h.go"}},
		"removed":      {"functions/a", "", true, []string{"shared/y"}, []string{"functions/ab/h.go"}},
		"not named":    {"functions/c", "", false, []string{"functions/a/x", "shared/y"}, []string{"functions/a/h.go", "functions/ab/h.go"}},
		"no such file": {"functions/a", "", false, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{}
			if c.packages != nil {
				files[ExceptionsFile] = content
			}
			root := privateFiles(t, files)
			changed, err := MoveExceptions(root, c.from, c.to)
			require.NoError(t, err)
			assert.Equal(t, c.changed, changed)
			var e Exceptions
			if c.packages != nil {
				require.NoError(t, catalog.ReadJSON(root, ExceptionsFile, &e))
			}
			var named []string
			for _, f := range e.Functions {
				named = append(named, f.File)
			}
			assert.Equal(t, c.packages, e.Packages)
			assert.Equal(t, c.files, named)
		})
	}
}
