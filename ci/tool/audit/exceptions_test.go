package audit

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestExceptions(t *testing.T) {
	const source = "package p\n\nconst Prompt = `" + prompt + "`\n"
	for name, test := range map[string]struct{ content, want, shown string }{
		"none":                          {`{}`, "", ""},
		"a package":                     {`{"packages": ["shared/x"]}`, "", ""},
		"a text":                        {`{"texts": [{"text": "Prefer faces over sights, laughter over poses", "reason": "in our blog"}]}`, "", "ci/public.json: a text: in our blog"},
		"a function":                    {`{"functions": [{"file": "shared/proprietary/p/p.go", "name": "F", "reason": "small"}]}`, "ci/public.json: functions[0]: shared/proprietary/p/p.go has no function F; remove it", ""},
		"a private package":             {`{"packages": ["shared/proprietary/p"]}`, "ci/public.json: packages[0]: shared/proprietary/p is private; remove it", ""},
		"a package that is not there":   {`{"packages": ["shared/x", "shared/y"]}`, "ci/public.json: packages[1]: shared/y is no folder of the workspace; remove it", ""},
		"a text that is not there":      {`{"texts": [{"text": "nobody ever wrote anything like this", "reason": "x"}]}`, "ci/public.json: texts[0]: no private file has this text, or it is shorter than the 24 letters and digits that are recognised; remove it", ""},
		"a text without a reason":       {`{"texts": [{"text": "x"}]}`, "ci/public.json: texts[0].reason: is missing; say why the text may be public", ""},
		"a function without a reason":   {`{"functions": [{"name": "x"}]}`, "ci/public.json: functions[0].reason: is missing; say why the code may be public", ""},
		"an unknown field":              {`{"files": []}`, `ci/public.json: files: is not a field of this file; the fields are packages, texts, functions`, ""},
		"a file that ends early":        {`{"texts": [`, "ci/public.json: line 1: not valid JSON: unexpected end of JSON input", ""},
		"a file with two objects":       {`{} {}`, "ci/public.json: line 1: not valid JSON: invalid character '{' after top-level value", ""},
		"a folder outside":              {`{"packages": ["../x"]}`, "ci/public.json: packages[0]: ../x is no folder of the workspace; remove it", ""},
		"a private folder, differently": {`{"packages": ["shared/x/../proprietary/p"]}`, "ci/public.json: packages[0]: shared/x/../proprietary/p is no folder of the workspace; remove it", ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := privateFiles(t, map[string]string{"shared/proprietary/p/p.go": source, "shared/x/x.go": "package x\n", ExceptionsFile: test.content})
			private := Private{Proprietary: []string{proprietary}}
			e, err := ReadExceptions(root, private.Folders())
			if err == nil {
				_, err = ReadPrivate(root, private, e)
			}
			if test.want != "" {
				require.EqualError(t, err, test.want)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.shown, strings.Join(e.list(), "\n"))
		})
	}
	e, err := ReadExceptions(t.TempDir(), nil)
	require.NoError(t, err)
	assert.Equal(t, Exceptions{}, e)
}
