package audit

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/catalog"
)

const prompt = "You are the curator of one family's photographs. Prefer faces over sights, laughter over poses, and never two of one moment."

const source = "package p\n\nimport \"example.com/a/long/import/path/of/some/package\"\n\n// A comment that is long enough to be recognised by itself.\nvar Prompt = `" + prompt + "`\n\ntype T struct {\n\tF string `json:\"a_field_name_that_is_long,omitempty\"`\n}\n"

func TestContent(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(random.Uint32())
	}
	in := func(text string) string { return string(noise[:7001]) + text + string(noise[7001:]) }
	private := public
	private.Registry = catalog.Private
	tests := map[string]struct {
		function catalog.Function
		program  string
		finding  string
	}{
		"nothing of it":                     {public, in("hello"), ""},
		"a literal of a source":             {public, in(prompt), "the binary contains content of shared/proprietary/p/p.go (byte 7001 of the binary, "},
		"a part of a file, at any offset":   {public, in(rules[17 : 17+2*block]), "the binary contains content of shared/proprietary/rules.txt"},
		"content at the very end":           {public, string(noise) + rules[:block], "the binary contains content of shared/proprietary/rules.txt (byte 100000 of the binary, byte 0 of the file)"},
		"content alone":                     {public, rules[:block], "the binary contains content of shared/proprietary/rules.txt (byte 0 of the binary, byte 0 of the file)"},
		"the name of a package":             {public, in("example.internal/shared/proprietary/p.Rank"), "the binary contains the package example.internal/shared/proprietary/p of shared/proprietary/p (byte 7001 of the binary)"},
		"a part too short to recognise":     {public, in(rules[17 : 17+block-1]), ""},
		"a private function may contain it": {private, in(prompt), ""},
		"an empty program":                  {public, "", "nothing was examined"},
		"an import path, a struct tag":      {public, in("example.com/a/long/import/path/of/some/package") + in("a_field_name_that_is_long,omitempty"), ""},
	}
	root := t.TempDir()
	write := func(name, content string) {
		file := filepath.Join(root, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		require.NoError(t, os.WriteFile(file, []byte(content), 0o644))
	}
	write("shared/go.mod", "module example.internal/shared\n")
	write("shared/proprietary/p/p.go", source)
	write("shared/proprietary/rules.txt", rules)
	write("shared/proprietary/ruler.txt", strings.Repeat("-", 500))
	fingerprint, err := ReadProprietary(root)
	require.NoError(t, err)
	assert.Equal(t, []string{"shared/proprietary/ruler.txt"}, fingerprint.Short)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := CheckContent(test.function, []byte(test.program), fingerprint)
			if test.finding == "" {
				assert.Empty(t, c.Findings)
				return
			}
			require.Len(t, c.Findings, 1)
			assert.Contains(t, c.Findings[0], test.finding)
		})
	}
}

const rules = "When two photographs of one scene are alike, the sharper is kept; 0.6 of the score is sharpness and 0.4 exposure, unless a face is cut."

// What cannot be examined is no reason to pass.
func TestAProprietaryFileThatIsNoneIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		make func(file string) error
		want string
	}{
		"a named pipe":      {func(file string) error { return syscall.Mkfifo(file, 0o600) }, "is a named pipe; put a regular file here"},
		"a link to nothing": {func(file string) error { return os.Symlink("nowhere", file) }, "is a symbolic link to nowhere, which does not exist; put the file itself here"},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			require.NoError(t, os.MkdirAll(filepath.Join(root, ProprietaryDir), 0o700))
			require.NoError(t, c.make(filepath.Join(root, ProprietaryDir, "prompt.txt")))

			_, err := ReadProprietary(root)

			assert.EqualError(t, err, "read the proprietary files: shared/proprietary/prompt.txt: "+c.want)
		})
	}
}

func TestWithoutProprietaryFilesNoPublicImagePasses(t *testing.T) {
	fingerprint, err := ReadProprietary(t.TempDir())
	require.NoError(t, err)
	c := CheckContent(public, []byte("program"), fingerprint)
	assert.False(t, c.Passed)
	assert.Equal(t, []string{"`shared/proprietary` is missing or empty: cannot check"}, c.Findings)
}

func TestTheRollingSumIsThatOfEachBlock(t *testing.T) {
	content := []byte(prompt + source)
	for at := 0; at+block <= len(content); at++ {
		p := NewFingerprint()
		p.Add("f", content[at:at+block])
		if p.Blocks == 1 {
			assert.Len(t, p.find(content), 1, "block at %d", at)
		}
	}
}
