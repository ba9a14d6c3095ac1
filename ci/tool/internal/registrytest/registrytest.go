// Package registrytest has the registry that tests publish to: the real registry server on
// localhost, which counts the requests and fails them as a test decides.
package registrytest

import (
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	// The storage that New uses.
	_ "github.com/distribution/distribution/v3/registry/storage/driver/inmemory"

	"lambdas.internal/ci/tool/registry/localregistry"
)

// Request is one request that arrived.
type Request struct {
	Method, Path string
	// Kind is "ping", "blob", "upload", "manifest", "tags", "referrers" or "token".
	Kind string
	// Number counts the requests from 1.
	Number int
	// Bytes is how many bytes of the body arrived.
	Bytes int64
}

// Fault makes the server fail a request. It returns true if it has answered the request or
// cut the connection. It may call serve to let the registry carry out the request.
type Fault func(r Request, w http.ResponseWriter, request *http.Request, serve http.Handler) bool

// Registry is a running registry.
type Registry struct {
	// Host is the registry that tests publish to. Direct is the same registry without
	// faults, login and counting, to read what is in it.
	Host, Direct string

	mu       sync.Mutex
	busy     int        // running requests
	idle     *sync.Cond // uses mu; signalled when no request is running
	requests []*Request
	fault    Fault
	login    func(http.ResponseWriter, *http.Request) bool
}

// New starts a registry that ends with the test.
func New(t testing.TB) *Registry {
	t.Helper()
	r := &Registry{}
	r.idle = sync.NewCond(&r.mu)
	// In memory, because each write to a disk waits for the disk.
	handler := localregistry.New("inmemory", nil)
	front := start(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) { r.serve(w, req, handler) }))
	direct := start(handler)
	t.Cleanup(func() { front.Close(); direct.Close() })
	r.Host, r.Direct = strings.TrimPrefix(front.URL, "http://"), strings.TrimPrefix(direct.URL, "http://")
	return r
}

// start starts the server, without log lines about cut connections.
func start(h http.Handler) *httptest.Server {
	s := httptest.NewUnstartedServer(h)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Start()
	return s
}

// Fail sets the fault of later requests; nil means none. It also resets the counts.
func (r *Registry) Fail(f Fault) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.fault, r.requests = f, nil
}

// Requests returns the requests since the last [Registry.Fail].
func (r *Registry) Requests() []Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []Request
	for _, q := range r.requests {
		all = append(all, *q)
	}
	return all
}

// Idle waits until no request is running. One may still run after its client has gone.
func (r *Registry) Idle() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.busy > 0 {
		r.idle.Wait()
	}
}

// Uploaded returns how many bytes of blobs arrived, and how many uploads started.
func (r *Registry) Uploaded() (bytes int64, uploads int) {
	for _, q := range r.Requests() {
		if q.Kind == "upload" {
			bytes += q.Bytes
			if q.Method == http.MethodPost {
				uploads++
			}
		}
	}
	return bytes, uploads
}

func (r *Registry) serve(w http.ResponseWriter, req *http.Request, handler http.Handler) {
	defer func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.busy--
		r.idle.Broadcast()
	}()
	q := &Request{Method: req.Method, Path: req.URL.Path, Kind: kind(req.URL.Path)}
	r.mu.Lock()
	r.busy++
	q.Number = len(r.requests) + 1
	r.requests = append(r.requests, q)
	fault, login, now := r.fault, r.login, *q
	r.mu.Unlock()

	req.Body = &counted{req.Body, func(n int) {
		r.mu.Lock()
		defer r.mu.Unlock()
		q.Bytes += int64(n)
	}}
	if fault != nil && fault(now, w, req, handler) {
		return
	}
	if login != nil && !login(w, req) {
		return
	}
	handler.ServeHTTP(w, req)
}

func kind(path string) string {
	switch {
	case path == "/v2/":
		return "ping"
	case path == tokenPath:
		return "token"
	case strings.Contains(path, "/blobs/uploads/"):
		return "upload"
	case strings.Contains(path, "/blobs/"):
		return "blob"
	case strings.Contains(path, "/manifests/"):
		return "manifest"
	case strings.HasSuffix(path, "/tags/list"):
		return "tags"
	case strings.Contains(path, "/referrers/"):
		return "referrers"
	default:
		return "other"
	}
}

type counted struct {
	io.ReadCloser
	add func(int)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.add(n)
	return n, err
}
