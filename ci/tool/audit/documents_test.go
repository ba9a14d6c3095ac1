package audit

import (
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestDocuments(t *testing.T) {
	b := newBench(t)
	for name, c := range map[string]struct {
		public  bool
		content string
		want    string
	}{
		"nothing":                       {true, `{"builder": "undisclosed"}`, ""},
		"what is private":               {true, `{"note": "` + prompt + `"}`, "audit a: content: a.json contains text of "},
		"what is private, escaped":      {true, `{"note": "\u0059` + prompt[1:] + `"}`, "audit a: content: a.json contains text of "},
		"what is private, all escaped":  {true, `{"note": "` + escaped(prompt) + `"}`, "audit a: content: a.json (its texts) contains text of "},
		"beside the private copy":       {false, `{"note": "` + prompt + `"}`, ""},
		"a credential":                  {true, `{"uri": "` + credential + `"}`, "audit a: secrets: a.json byte "},
		"a credential, private":         {false, `{"uri": "` + escaped(credential) + `"}`, "audit a: secrets: a.json (its texts) byte "},
		"no document, and a credential": {false, credential, "audit a: secrets: a.json byte "},
	} {
		t.Run(name, func(t *testing.T) {
			err := b.auditor.Documents(t.Context(), []Document{{Image: "a", Name: "a.json", Public: c.public, Content: []byte(c.content)}})
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, c.want)
			assert.NotContains(t, err.Error(), credential)
		})
	}
}

// escaped is a text in JSON with each character as an escape.
func escaped(text string) string {
	var all string
	for _, c := range text {
		all += "\\u00" + string("0123456789abcdef"[c>>4]) + string("0123456789abcdef"[c&15])
	}
	return all
}

// A blob with other content than its name says is not read as something else.
func TestABlobWithOtherContent(t *testing.T) {
	b := newBench(t)
	for name, of := range map[string]func(i ImageFacts) string{
		"the manifest":      func(i ImageFacts) string { return i.Digest.Hex },
		"the configuration": func(i ImageFacts) string { return i.Manifest.Config.Digest.Hex },
		"a layer":           func(i ImageFacts) string { return i.Manifest.Layers[0].Digest.Hex },
	} {
		t.Run(name, func(t *testing.T) {
			dir := b.forge(t, b.other).write()
			images, err := b.auditor.describe([]catalog.Function{b.f}, dir)
			require.NoError(t, err)
			digest := images[0].Digest
			digest.Hex = of(images[0])
			require.NoError(t, os.WriteFile(blob(dir, digest), []byte("{}"), 0o644))

			images, err = b.auditor.describe([]catalog.Function{b.f}, dir)
			if err != nil {
				assert.ErrorContains(t, err, "has other content than its name says; build again: bin/ci build-all")
				return
			}
			checks, _, err := b.auditor.judge(t.Context(), b.f, images[0], b.in, dir)
			require.NoError(t, err)
			assert.ErrorContains(t, (&Report{Checks: checks}).Err(), "audit a: ")
		})
	}
}
