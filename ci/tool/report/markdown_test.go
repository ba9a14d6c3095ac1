package report_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/report"
)

func TestMarkdown(t *testing.T) {
	for name, c := range map[string]struct {
		header []string
		rows   [][]string
		want   string
	}{
		"rows":                        {[]string{"A", "B"}, [][]string{{"x", "y z"}}, "| A | B |\n| --- | --- |\n| x | y z |\n"},
		"no rows":                     {[]string{"A"}, nil, "| A |\n| --- |\n"},
		"numbers":                     {[]string{"A"}, [][]string{{"1.5"}, {""}, {"-2"}, {"+0.01"}, {"$3"}}, "| A |\n| ---: |\n| 1.5 |\n| |\n| -2 |\n| +0.01 |\n| $3 |\n"},
		"a word among numbers":        {[]string{"A"}, [][]string{{"1.5"}, {"none"}}, "| A |\n| --- |\n| 1.5 |\n| none |\n"},
		"empty cells are not numbers": {[]string{"A", "B"}, [][]string{{"", "1"}}, "| A | B |\n| --- | ---: |\n| | 1 |\n"},
		"characters that end a cell":  {[]string{"A"}, [][]string{{"a|b\nc"}}, "| A |\n| --- |\n| a\\|b c |\n"},
		"markup":                      {[]string{"A"}, [][]string{{`<b>*x*</b> _y_ [z] \`}}, "| A |\n| --- |\n| &lt;b>\\*x\\*&lt;/b> \\_y\\_ \\[z] \\\\ |\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer

			require.NoError(t, report.Markdown(&out, c.header, c.rows))

			assert.Equal(t, c.want, out.String())
		})
	}
	require.EqualError(t, report.Markdown(failing{}, []string{"A"}, nil), "print the table: closed")
}
