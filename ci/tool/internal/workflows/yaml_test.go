// Package workflows tests the configuration of GitHub Actions and CodeBuild.
package workflows

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"lambdas.internal/ci/tool/internal/testkit"
)

const root = "../../../.."

// checkYAML fails if a file is not valid YAML, is empty, has the same key twice, or has a
// second document, which most programs ignore.
func checkYAML(data []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(data))
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		return err
	}
	if err := d.Decode(new(any)); !errors.Is(err, io.EOF) {
		return fmt.Errorf("the file has more than one document: %w", err)
	}
	return nil
}

func TestYAML(t *testing.T) {
	files := testkit.Sources(t, root, ".yml", ".yaml")
	for _, want := range []string{".github/workflows/pull-request.yml", ".github/workflows/main.yml", "ci/buildspec.yml", ".golangci.yml"} {
		assert.Contains(t, files, want)
	}
	for _, file := range files {
		assert.NoError(t, checkYAML(testkit.Source(t, root, file)), file)
	}
}

func TestYAMLThatIsNone(t *testing.T) {
	require.NoError(t, checkYAML([]byte("a: 1\nb:\n  - c\n")))
	for name, data := range map[string]string{
		"a key twice":        "a: 1\nb: 2\na: 3\n",
		"a nested key twice": "a:\n  - b: 1\n    b: 2\n",
		"a tab":              "a:\n\tb: 1\n",
		"not closed":         "a: [1, 2\n",
		"two documents":      "a: 1\n---\nb: 2\n",
		"a list":             "- a\n",
		"nothing":            "",
	} {
		assert.Error(t, checkYAML([]byte(data)), name)
	}
}
