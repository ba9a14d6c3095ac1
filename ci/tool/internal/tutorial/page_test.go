//go:build unix

package tutorial

import (
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// step is one command of the page.
type step struct {
	command string
	shown   []string // what the page shows of its output
	second  bool     // it runs in the second terminal
}

// parse returns the commands of the fenced blocks. A block begins with a command; every
// line without a prompt is output of the command above it.
func parse(t *testing.T, text string) (steps []step) {
	t.Helper()
	fenced, second := false, false
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \n")
		command, prompt := strings.CutPrefix(line, "$ ")
		switch {
		case strings.HasPrefix(line, "```"):
			fenced, second = !fenced, line == "```second-terminal"
		case !fenced:
			assert.False(t, strings.HasPrefix(line, "    "), "an indented block, which the test does not run: %s", line)
		case prompt:
			steps = append(steps, step{command: command, second: second})
		case line == "..." || line == "":
		default:
			require.NotEmpty(t, steps, "a block begins without a command: %s", line)
			last := &steps[len(steps)-1]
			last.shown = append(last.shown, line)
		}
	}
	require.False(t, fenced, "the last block has no end")
	require.NotEmpty(t, steps)
	return steps
}

var (
	digests = regexp.MustCompile(`sha256:[0-9a-f]+`)
	commits = regexp.MustCompile(`\b[0-9a-f]{7}\b`)
	numbers = regexp.MustCompile(`[0-9]+(\.[0-9]+)?`)
	spaces  = regexp.MustCompile(`\s+`)
)

// mask removes from a line what differs from run to run, and the width of columns.
func mask(line string) string {
	line = digests.ReplaceAllString(line, "DIGEST")
	line = commits.ReplaceAllString(line, "COMMIT")
	line = numbers.ReplaceAllString(line, "N")
	return strings.TrimSpace(spaces.ReplaceAllString(line, " "))
}

// missing returns the shown lines that were not printed, in this order.
func missing(shown []string, printed string) (lines []string) {
	rest := strings.Split(printed, "\n")
	for _, want := range shown {
		at := 0
		for at < len(rest) && mask(rest[at]) != mask(want) {
			at++
		}
		if at == len(rest) {
			lines = append(lines, want)
			continue
		}
		rest = rest[at+1:]
	}
	return lines
}

func TestWhatAPageIs(t *testing.T) {
	steps := parse(t, "# T\n\ntext\n\n```\n$ a b\none 1\n...\n$ c\n```\n\n```second-terminal\n$ d\ntwo\n```\n")
	assert.Equal(t, []step{{"a b", []string{"one 1"}, false}, {"c", nil, false}, {"d", []string{"two"}, true}}, steps)
	printed := "progress\napi  4.3   sha256:0123 (93472df)\nall done, 3 s\n"
	assert.Empty(t, missing([]string{"api 10.1 sha256:4567 (abcdef0)", "all done, 12.5 s"}, printed))
	assert.Equal(t, []string{"api"}, missing([]string{"all done, 3 s", "api"}, printed))
	assert.Equal(t, []string{"api 4.3 sha256:0123"}, missing([]string{"api 4.3 sha256:0123"}, printed))
}
