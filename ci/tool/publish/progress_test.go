package publish

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
)

// A publish that takes long says what it does at that time, and how much of it is done.
func TestProgress(t *testing.T) {
	for name, c := range map[string]struct{ slow, want string }{
		"layers":      {`^(PUT|PATCH) .*/blobs/uploads/`, `^… publish: sent [0-9.]+ of 0\.[0-9] MB(, [0-9]+ s left)?  1 s\n$`},
		"tags":        {`^PUT .*/manifests/[a-z]+-` + first, `^… publish: tagged 0 of 8 images  1 s\n$`},
		"reading":     {`^GET .*/manifests/[a-z]+-` + first, `^… publish: read back 0 of 8 tags  1 s\n$`},
		"documents":   {`^PUT .*/manifests/sha256:`, `^… publish: attached the documents of 0 of 8 images  1 s\n$`},
		"latest tags": {`^PUT .*/manifests/[a-z]+` + latestEnd, `^… publish: moved 0 of 8 latest tags  1 s\n$`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := registrytest.New(t)
			a := newPublishing(t, hosts(r), first, "one", nil)
			p := NewPublisher(client(t, registry.Options{}), 0)
			state, err := p.Inspect(t.Context(), a.items, a.images)
			require.NoError(t, err)
			plan, err := NewPlan(a.items, a.images, state, false)
			require.NoError(t, err)
			printed, slow := make(chan struct{}), regexp.MustCompile(c.slow)
			r.Fail(func(_ registrytest.Request, _ http.ResponseWriter, request *http.Request, _ http.Handler) bool {
				if slow.MatchString(request.Method + " " + request.URL.Path) {
					<-printed
				}
				return false
			})
			all := make(testkit.Lines, 100)
			ctx, done := report.NewProgress(all).Start(t.Context(), "publish")
			go func() {
				assert.Regexp(t, c.want, <-all)
				close(printed)
			}()

			_, err = p.Run(ctx, plan, a.images)

			done(err)
			require.NoError(t, err)
			<-printed
		})
	}
}
