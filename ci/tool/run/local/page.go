package local

import (
	_ "embed"
	"net/http"
)

// page uploads media, starts jobs and shows their results, so that a person can see the
// system work. It uses the API as every front end does.
//
//go:embed page.html
var page []byte

// withPage serves the page at / and everything else by the API.
func withPage(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" || r.Method != http.MethodGet && r.Method != http.MethodHead {
			api.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.Write(page) //nolint:errcheck // it fails only if the caller has gone
	})
}
