package local

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestThePageIsAtTheRootOnly(t *testing.T) {
	h := withPage(http.NotFoundHandler())
	for _, test := range []struct {
		method, path string
		code         int
	}{{"GET", "/", 200}, {"HEAD", "/", 200}, {"POST", "/", 404}, {"GET", "/sessions", 404}} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(test.method, test.path, nil))
		assert.Equal(t, test.code, w.Code, test)
		assert.Equal(t, test.code == 200, strings.Contains(w.Body.String(), "<title>"))
	}
}
