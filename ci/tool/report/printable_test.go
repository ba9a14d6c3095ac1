package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/report"
)

func TestPrintable(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"plain":                      {"api  41.2\n", "api  41.2\n"},
		"other scripts and signs":    {"größe … ✓ 世界 😀\t\n", "größe … ✓ 世界 😀\t\n"},
		"an escape sequence":         {"\x1b[2K\x1b[1Aok", `\u001b[2K\u001b[1Aok`},
		"one that sets the title":    {"\x1b]0;x\x07", `\u001b]0;x\u0007`},
		"a sequence of one byte":     {"a\x9b2Jb", `a\u009b2Jb`},
		"the same as a character":    {"\u009b2J", `\u009b2J`},
		"the start of a line":        {"failed\rok", `failed\u000dok`},
		"a step back":                {"no\b\byes\x7f\x00", `no\u0008\u0008yes\u007f\u0000`},
		"another direction":          {"a\u202eb\u2066c\u200fd\u061ce", `a\u202eb\u2066c\u200fd\u061ce`},
		"nothing to see":             {"a\u200bb\u200dc\ufeffd\u00ade\u2060f", `a\u200bb\u200dc\ufeffd\u00ade\u2060f`},
		"letters without a shape":    {"a\u3164b\u115fc\u034fd", `a\u3164b\u115fc\u034fd`},
		"variants that hold a text":  {"a\ufe0fb\U000e0141", `a\ufe0fb\udb40\udd41`},
		"a tag of a language":        {"a\U000e0061", `a\udb40\udc61`},
		"spaces that look like one":  {"a\u00a0b\u3000c", `a\u00a0b\u3000c`},
		"lines of Unicode":           {"a\u2028b\u2029c\u0085d", `a\u2028b\u2029c\u0085d`},
		"bytes that are no UTF-8":    {"a\xff\xc3(", `a\u00ff\u00c3(`},
		"the sign for such bytes":    {"a\ufffdb", "a\ufffdb"},
		"an overlong escape":         {"\xc0\x9b", `\u00c0\u009b`},
		"private and unknown":        {"\ue000\U0010ffff", `\ue000\udbff\udfff`},
		"a line of a workflow stays": {"::warning::x\n", "::warning::x\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			n, err := fmt.Fprint(report.Printable(&out), c.text)
			require.NoError(t, err)
			assert.Equal(t, len(c.text), n)
			assert.Equal(t, c.want, out.String())

			out.Reset()
			w := report.Printable(&out)
			for i := range len(c.text) { // in pieces of characters
				_, err := w.Write([]byte{c.text[i]})
				require.NoError(t, err)
			}
			assert.Equal(t, c.want, out.String())
			assert.Same(t, w, report.Printable(w), "once is enough")
			assert.Same(t, &out, report.Raw(w))
		})
	}
	_, err := report.Printable(failing{}).Write([]byte("x"))
	require.Error(t, err)
}

// What --json prints means the same with and without the writer.
func TestPrintableJSON(t *testing.T) {
	want := map[string]string{"reason\u202e": "\x1b[31m \u200b \U000e0041 \x7f \u2028 \\u202e \" é 😀"}
	var out bytes.Buffer

	require.NoError(t, report.JSON(report.Printable(&out), want))

	for _, r := range out.String() {
		assert.False(t, r == 0x1b || r == 0x202e || r == 0x200b || r == 0x7f || r == 0xe0041, "%q", out.String())
	}
	var got map[string]string
	require.NoError(t, json.Unmarshal(out.Bytes(), &got))
	assert.Equal(t, want, got)
}
