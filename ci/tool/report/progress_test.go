package report

import (
	"bytes"
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
	for name, c := range map[string]struct {
		takes time.Duration
		want  []string
	}{
		"a short step is not told of":       {900 * time.Millisecond, nil},
		"a step of a second and more":       {1500 * time.Millisecond, []string{"… compile  1.00 s", "✓ compile  1.50 s"}},
		"a long step is told of repeatedly": {25 * time.Second, []string{"… compile  1.00 s", "… compile  11 s", "… compile  21 s", "✓ compile  25 s"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				done := NewProgress(&out).Step("compile")
				time.Sleep(c.takes)

				done()

				var want string
				if c.want != nil {
					want = strings.Join(c.want, "\n") + "\n"
				}
				assert.Equal(t, want, out.String())
				time.Sleep(time.Hour)
				assert.Equal(t, want, out.String(), "nothing is told after the end")
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
				done()
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
