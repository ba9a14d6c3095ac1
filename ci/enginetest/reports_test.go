package enginetest

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestCostIsThatOfTheImages(t *testing.T) {
	table := engine{}.call(t, "cost")
	assert.Contains(t, table, "as published")
	for _, name := range images(t) {
		assert.Contains(t, table, name)
	}
	file := filepath.Join(t.TempDir(), "layers.svg")
	engine{}.call(t, "cost-picture", "export", "--path", file)
	picture, err := os.ReadFile(file)
	require.NoError(t, err)
	assert.Contains(t, string(picture), "<svg ")
}

func TestSbomNamesTheImageThatIsMade(t *testing.T) {
	var document struct {
		Metadata struct {
			Component struct{ Name, Version string }
		}
		Components []struct{ Name string }
	}
	require.NoError(t, json.Unmarshal([]byte(engine{}.call(t, "sbom", "--name", "thumb", "--as-json")), &document))
	assert.Equal(t, "thumb", document.Metadata.Component.Name)
	assert.Equal(t, exported(t, engine{}, "linux/amd64")["thumb"], document.Metadata.Component.Version)
	var names []string
	for _, c := range document.Components {
		names = append(names, c.Name)
	}
	assert.Contains(t, names, "ffmpeg")
}

// The database is that of the program's own tests. It has an invented vulnerability of the
// standard library that every function reaches.
func TestVulncheckNamesWhatToRedeploy(t *testing.T) {
	_, stderr, err := engine{}.dagger(t, slices.Concat([]string{"call"}, references(),
		[]string{"vulncheck", "--only", "api", "--db", "ci/tool/inspect/vulncheck/testdata/db", "--osv", "ci/tool/inspect/osv/testdata/ffmpeg"})...)
	require.Error(t, err)
	assert.Contains(t, oneLine(t, stderr), "redeploy: api")
}
