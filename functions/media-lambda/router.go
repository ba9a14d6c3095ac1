package main

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/rs/cors"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/settings"
)

// access says who may send the requests of an endpoint.
type access int

const (
	// anyone who comes through CloudFront.
	anyone access = iota
	// holder of the token of a session that is active.
	holder
	// former is the holder of the token of a session that may have ended.
	former
)

// endpoint is one operation of the API.
type endpoint struct {
	// id is its operationId in openapi.json.
	id, method, path string
	access           access
	answer           route
}

// endpoints are all operations but those that need no configuration: /health and
// /openapi.json.
var endpoints = []endpoint{
	{"createSession", "POST", "/sessions", anyone, createSession},
	{"readSession", "GET", "/sessions/{session}", holder, readSession},
	{"deleteSession", "DELETE", "/sessions/{session}", former, deleteSession},
	{"createUploads", "POST", "/sessions/{session}/uploads", holder, createUploads},
	{"listMedia", "GET", "/sessions/{session}/media", holder, listMedia},
	{"deleteMedia", "DELETE", "/sessions/{session}/media", holder, deleteMedia},
	{"createDownload", "GET", "/sessions/{session}/downloads", holder, createDownload},
	{"startJob", "POST", "/sessions/{session}/jobs", holder, startJob},
	{"listJobs", "GET", "/sessions/{session}/jobs", holder, listJobs},
	{"readJob", "GET", "/sessions/{session}/jobs/{job}", holder, readJob},
}

// route answers a request with an error, or with a status and a body, which is encoded as
// JSON.
type route func(b *backend, r *http.Request) (status int, body any, err error)

type api struct{ backend lazyBackend }

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

func (a *api) router() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		reply(w, r, http.StatusOK, map[string]string{"status": "ok"})
	})
	mux.HandleFunc("GET /openapi.json", serveDocument)
	for _, e := range endpoints {
		mux.Handle(e.method+" "+e.path, a.serve(e))
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { noRoute(mux, w, r) })
	return withCORS(mux)
}

// corsVariable names the origins of web pages that may call the API, separated by commas,
// for instance https://app.example.com,https://*.example.org; or * for all. A page of the
// API's own origin needs no entry.
const corsVariable = "CORS_ALLOWED_ORIGINS"

// withCORS answers as Fetch requires of a server that pages of other origins may call
// (fetch.spec.whatwg.org, "CORS protocol"). No cookies are used, so all origins are safe.
func withCORS(next http.Handler) http.Handler {
	var origins []string
	for origin := range strings.SplitSeq(settings.Optional(corsVariable, ""), ",") {
		if origin = strings.TrimSpace(origin); origin != "" {
			origins = append(origins, origin)
		}
	}
	if len(origins) == 0 { // cors takes none for all
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: methods,
		AllowedHeaders: []string{"Authorization", "Content-Type", "Content-Encoding", idempotencyHeader},
		ExposedHeaders: []string{"Retry-After"},
		MaxAge:         3600,
	}).Handler(next)
}

// methods are those of the API.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodDelete}

// noRoute answers a request that no route takes: with the methods that its path has, or
// that there is no such path.
func noRoute(mux *http.ServeMux, w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range methods {
		other := r.Clone(r.Context())
		other.Method = method
		if _, pattern := mux.Handler(other); pattern != "/" && pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		replyError(w, r, fault.New(fault.NotFound, "no route %s %s", r.Method, r.URL.Path))
		return
	}
	w.Header().Set("Allow", strings.Join(append(allowed, http.MethodOptions), ", "))
	if r.Method == http.MethodOptions {
		reply(w, r, http.StatusNoContent, nil)
		return
	}
	reply(w, r, http.StatusMethodNotAllowed, problem{
		Type:    "MethodNotAllowedError",
		Message: r.Method + " is not a method of " + r.URL.Path + "; want one of " + w.Header().Get("Allow"),
	})
}

// serve serves an endpoint to requests with the right origin header and, if it wants one,
// the session's token.
func (a *api) serve(e endpoint) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, body, err := a.answer(e, w, r)
		if err != nil {
			replyError(w, r, err)
			return
		}
		reply(w, r, status, body)
	})
}

func (a *api) answer(e endpoint, w http.ResponseWriter, r *http.Request) (int, any, error) {
	b, err := a.backend.get()
	if err != nil {
		return 0, nil, err
	}
	if err := b.checkOrigin(r); err != nil {
		return 0, nil, err
	}
	if e.access != anyone {
		ctx, err := b.authorize(r, e.access)
		if err != nil {
			return 0, nil, err
		}
		r = r.WithContext(ctx)
	}
	if err := readable(w, r); err != nil {
		return 0, nil, err
	}
	return e.answer(b, r)
}
