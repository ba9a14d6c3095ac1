package audit

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// A private function in the root folder is its files, not the whole workspace.
func TestAPrivateFunctionAtTheRoot(t *testing.T) {
	root := privateFiles(t, map[string]string{
		"go.mod": "module example.internal/x\n", "main.go": "package main\n\nconst Prompt = `" + prompt + "`\n",
		"internal/words/words.go": "package words\n\nconst Greeting = \"a greeting that everybody in the house knows\"\n", "dist/big": "no source",
	})
	private := Private{Functions: []string{"."}}
	p, err := ReadPrivate(root, private, Exceptions{})
	require.NoError(t, err)
	assert.Equal(t, 1, p.Files())
	none := map[string][]string{"main.go": nil}
	assert.NotEmpty(t, CheckContent(public, []byte(prompt), none, p, private).Findings)
	assert.Empty(t, CheckContent(public, []byte("a greeting that everybody in the house knows"), none, p, private).Findings)

	g := gobuild.NewGraph("/w", []gobuild.Package{pkg("functions/a", "internal/words", "fmt"), pkg("internal/words"), {ImportPath: "fmt", Standard: true, Dir: "/go/fmt", Real: map[string]string{"a.go": "/go/fmt/a.go"}}})
	assert.True(t, CheckImports(public, g, private.Folders(), NewShared([]catalog.Function{public}, g, nil)).Passed)
}
