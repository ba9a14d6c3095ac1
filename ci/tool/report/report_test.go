package report_test

import (
	"bytes"
	"errors"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/report"
)

func TestTable(t *testing.T) {
	for name, c := range map[string]struct {
		header []string
		rows   [][]string
		want   string
	}{
		"rows":           {[]string{"A", "LONG"}, [][]string{{"a longer cell", "x"}, {"b", "y"}}, "A              LONG\na longer cell  x\nb              y\n"},
		"no rows":        {[]string{"A", "B"}, nil, "A  B\n"},
		"empty cells":    {[]string{"A", "B", "C"}, [][]string{{"x", "", ""}, {"", "", "y"}}, "A  B  C\nx\n      y\n"},
		"not ASCII":      {[]string{"A", "B"}, [][]string{{"größe", "x"}}, "A      B\ngröße  x\n"},
		"line ends":      {[]string{"A", "B"}, [][]string{{"a\nb", "c\td"}}, "A    B\na b  c d\n"},
		"a trailing end": {[]string{"A"}, [][]string{{"x\n"}}, "A\nx\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer

			require.NoError(t, report.Table(&out, c.header, c.rows))

			assert.Equal(t, c.want, out.String())
		})
	}
}

func TestTableGolden(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, report.Table(&out, []string{"IMAGE", "VARIANT", "MB"}, [][]string{
		{"api", "light", report.MB(41_234_567)}, {"select", "heavy", report.MB(170_000_000)}, {"thumb", "failed", ""}}))
	testkit.Golden(t, "table.txt", out.Bytes())
}

func TestJSON(t *testing.T) {
	var out bytes.Buffer

	require.NoError(t, report.JSON(&out, map[string]any{"b": []int{1}, "a": "<x> & y"}))

	testkit.Golden(t, "value.json", out.Bytes())
	require.ErrorContains(t, report.JSON(&out, math.NaN()), "print the result as JSON: ")
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("closed") }

func TestPrintingToAClosedWriter(t *testing.T) {
	require.EqualError(t, report.Table(failing{}, []string{"A"}, nil), "print the table: closed")
	require.EqualError(t, report.JSON(failing{}, 1), "print the result as JSON: closed")
}

func TestMB(t *testing.T) {
	for bytes, want := range map[int64]string{0: "0.0", 49_999: "0.0", 50_001: "0.1", 1_000_000: "1.0", 1_048_576: "1.0", 10_000_000_000: "10000.0"} {
		assert.Equal(t, want, report.MB(bytes), "%d", bytes)
	}
}

func TestCount(t *testing.T) {
	assert.Equal(t, "0 images", report.Count(0, "image"))
	assert.Equal(t, "1 image", report.Count(1, "image"))
	assert.Equal(t, "5 images", report.Count(5, "image"))
	assert.Equal(t, "1 repository", report.Count(1, "repository", "repositories"))
	assert.Equal(t, "2 repositories", report.Count(2, "repository", "repositories"))
}

func TestDuration(t *testing.T) {
	for in, want := range map[string]string{
		"0s": "0.00 s", "4ms": "0.00 s", "123ms": "0.12 s", "9990ms": "9.99 s", "9996ms": "10 s", "10s": "10 s", "12600ms": "13 s", "2m5s": "125 s",
	} {
		d, err := time.ParseDuration(in)
		require.NoError(t, err)
		assert.Equal(t, want, report.Duration(d), in)
	}
}
