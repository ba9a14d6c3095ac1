package main

import (
	"log/slog"
	"net/http"

	"lambdas.internal/shared/fault"
)

// newAPI makes the API from the environment. If a variable is missing, only /health works,
// and each other request tries again.
func newAPI() *api {
	api := &api{}
	if _, err := api.backend.get(); err != nil {
		slog.Warn("the API is not configured; it answers only /health until it is", "error", err.Error())
	}
	return api
}

// NewRouter returns the routes of the API in this environment.
func NewRouter() http.Handler { return newAPI().router() }

func (api *api) router() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		reply(w, r, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.Handle("POST /sessions", api.open(createSession))
	mux.Handle("GET /sessions/{session}", api.inSession(readSession))
	mux.Handle("DELETE /sessions/{session}", api.inSession(invalidateSession))
	mux.Handle("POST /sessions/{session}/uploads", api.inSession(createUploads))
	mux.Handle("GET /sessions/{session}/downloads", api.inSession(createDownload))
	mux.Handle("POST /sessions/{session}/jobs", api.inSession(startJob))
	mux.Handle("GET /sessions/{session}/jobs/{job}", api.inSession(readJob))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		replyError(w, r, fault.New(fault.NotFound, "no route %s %s", r.Method, r.URL.Path))
	})
	return mux
}

// route answers a request with an error, or with a status and a body, which is encoded as
// JSON.
type route func(b *backend, r *http.Request) (status int, body any, err error)

type api struct{ backend lazyBackend }

// open serves a route to every request with the right origin header.
func (a *api) open(answer route) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := a.backend.get()
		if err != nil {
			replyError(w, r, err)
			return
		}
		if err := b.checkOrigin(r); err != nil {
			replyError(w, r, err)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, bodyLimit)
		status, body, err := answer(b, r)
		if err != nil {
			replyError(w, r, err)
			return
		}
		reply(w, r, status, body)
	})
}

// inSession serves a route to requests with the session's token, as long as the session
// is active.
func (a *api) inSession(answer route) http.Handler {
	return a.open(func(b *backend, r *http.Request) (int, any, error) {
		ctx, err := b.authorize(r)
		if err != nil {
			return 0, nil, err
		}
		return answer(b, r.WithContext(ctx))
	})
}
