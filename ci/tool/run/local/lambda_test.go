package local

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/run/invoke"
)

func TestInvokeRefuses(t *testing.T) {
	api := &lambdaAPI{functions: map[string]*invoke.Function{"known": nil}}
	for _, test := range []struct {
		name, function, kind, body string
		code                       int
		says                       string
	}{
		{"an unknown function", "other", "", "{}", 404, `"Message":"Function not found: other"`},
		{"an unknown type", "known", "Later", "{}", 400, `invocation type \"Later\"`},
		{"an event that is too large", "known", "Event", strings.Repeat("x", maxEvent+1), 413, "too large"},
		{"nothing in a dry run", "known", "DryRun", "{}", 204, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/"+test.function+"/invocations", strings.NewReader(test.body))
			r.Header.Set("X-Amz-Invocation-Type", test.kind)
			w := httptest.NewRecorder()
			api.handler().ServeHTTP(w, r)
			assert.Equal(t, test.code, w.Code)
			assert.Contains(t, w.Body.String(), test.says)
		})
	}
}
