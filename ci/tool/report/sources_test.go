package report

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestSources(t *testing.T) {
	said := func(w *bytes.Buffer, s *Sources) string {
		api, thumb := s.Writer("api"), s.Writer("thumb")
		for _, write := range []struct {
			to   *Source
			text string
		}{{api, "one\ntw"}, {thumb, "a\x1b[31m\n"}, {api, "o\n\nend"}, {thumb, strings.Repeat("x", longest)}, {s.Writer("api"), "again\r\n"}} {
			n, err := write.to.Write([]byte(write.text))
			require.NoError(t, err)
			assert.Len(t, write.text, n)
		}
		require.NoError(t, api.Flush())
		require.NoError(t, thumb.Flush(), "nothing is left")
		return strings.ReplaceAll(w.String(), strings.Repeat("x", longest), "xxx")
	}
	t.Run("to a file", func(t *testing.T) {
		w := &bytes.Buffer{}
		assert.Equal(t, "api   | one\nthumb | a\\u001b[31m\napi   | two\napi   |\nthumb | xxx\napi   | again\napi   | end\n", said(w, NewSources(Printable(w), 5)))
	})
	t.Run("to a terminal", func(t *testing.T) {
		w := &bytes.Buffer{}
		terminal := &Terminal{w: w, size: func() (int, int, error) { return 80, 24, nil }}
		assert.Equal(t, "\x1b[36mapi   |\x1b[0m one\n\x1b[33mthumb |\x1b[0m a\\u001b[31m\n\x1b[36mapi   |\x1b[0m two\n\x1b[36mapi   |\x1b[0m\n"+
			"\x1b[33mthumb |\x1b[0m xxx\n\x1b[36mapi   |\x1b[0m again\n\x1b[36mapi   |\x1b[0m end\n", said(w, NewSources(terminal, 5)))
	})
}
