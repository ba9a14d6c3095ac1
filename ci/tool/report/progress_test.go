package report

import (
	"bytes"
	"errors"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestProgress(t *testing.T) {
	failure := errors.New("interrupted")
	for name, c := range map[string]struct {
		takes time.Duration
		err   error
		want  []string
	}{
		"a short step prints nothing":                {900 * time.Millisecond, nil, nil},
		"a short step that fails prints nothing":     {900 * time.Millisecond, failure, nil},
		"a step longer than a second":                {1500 * time.Millisecond, nil, []string{"… compile  1.00 s", "✓ compile  1.50 s"}},
		"a step longer than a second that fails":     {1500 * time.Millisecond, failure, []string{"… compile  1.00 s", "✗ compile  1.50 s"}},
		"a long step prints a line every 10 seconds": {25 * time.Second, nil, []string{"… compile  1.00 s", "… compile  11 s", "… compile  21 s", "✓ compile  25 s"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				done := NewProgress(&out).Step("compile")
				time.Sleep(c.takes)

				done(c.err)

				var want string
				if c.want != nil {
					want = strings.Join(c.want, "\n") + "\n"
				}
				assert.Equal(t, want, out.String())
				time.Sleep(time.Hour)
				assert.Equal(t, want, out.String(), "nothing is printed after the end")
			})
		})
	}
}

func TestProgressSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		p := NewProgress(&out)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				done := p.Step("step")
				time.Sleep(3 * time.Second)
				p.Line("between")
				done(nil)
			})
		}
		all.Wait()

		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		assert.Len(t, lines, 60)
		whole := regexp.MustCompile(`^(… step  1\.00 s|✓ step  3\.00 s|between)$`)
		for _, line := range lines {
			assert.Regexp(t, whole, line)
		}
	})
}
