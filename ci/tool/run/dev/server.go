package dev

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"lambdas.internal/ci/tool/run/endpoint"
	"lambdas.internal/ci/tool/run/invoke"
)

// invocations is where the emulators of Lambda accept events, for which every function has
// the name function.
const invocations = "/2015-03-31/functions/function/invocations"

// Server serves the functions of a session to callers on this machine.
type Server struct {
	// URL is where it listens.
	URL string

	session  *Session
	lambda   *endpoint.Lambda
	loopback bool
	http     *http.Server
}

// Listen takes an address. Nothing is served before [Server.Serve].
func Listen(address string) (net.Listener, string, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, "", fmt.Errorf("%w; pass --listen with another address, or 127.0.0.1:0 for a free port", err)
	}
	at := l.Addr().(*net.TCPAddr) //nolint:forcetypeassert // the network is tcp
	if at.IP.IsUnspecified() {
		return l, fmt.Sprintf("http://127.0.0.1:%d", at.Port), nil
	}
	return l, "http://" + at.String(), nil
}

// Serve serves the session's functions until Close.
func Serve(l net.Listener, url string, session *Session) *Server {
	at := l.Addr().(*net.TCPAddr) //nolint:forcetypeassert // see Listen
	s := &Server{URL: url, session: session, loopback: at.IP.IsLoopback()}
	s.lambda = &endpoint.Lambda{Find: session.Find, Logs: session.logs.Writer("dev"), Background: session.Context()}
	s.http = &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second}
	go s.http.Serve(l) //nolint:errcheck // it ends with http.ErrServerClosed when Close is called
	return s
}

// Close ends all connections. Call it after the session has ended: that ends invocations.
func (s *Server) Close() error {
	err := s.http.Close()
	s.lambda.Wait()
	return err
}

// ServeHTTP serves Lambda's API at its path, each function as a function URL below its name,
// and as an HTTP API at the host NAME.localhost.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if s.loopback {
		if err := trusted(r); err != nil {
			http.Error(w, err.Error(), http.StatusForbidden)
			return
		}
	}
	if name, ok := strings.CutSuffix(hostname(r.Host), ".localhost"); ok {
		s.serve(w, r, name)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/2015-03-31/") {
		s.lambda.Handler().ServeHTTP(w, r)
		return
	}
	name, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case name == "":
		s.list(w)
	case "/"+rest == invocations:
		r.URL.Path = strings.Replace(invocations, "/function/", "/"+name+"/", 1)
		s.lambda.Handler().ServeHTTP(w, r)
	case rest == "" && !strings.HasSuffix(r.URL.Path, "/"):
		r.URL.Path, r.URL.RawPath = "/"+name+"/", ""
		fallthrough
	default:
		http.StripPrefix("/"+name, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.serve(w, r, name) })).ServeHTTP(w, r)
	}
}

// serve hands an HTTP request to a function.
func (s *Server) serve(w http.ResponseWriter, r *http.Request, name string) {
	f, ok := s.session.Find(name)
	if !ok {
		http.Error(w, fmt.Sprintf("no function is named %q; %s/ lists them", name, s.URL), http.StatusNotFound)
		return
	}
	endpoint.Gateway{Function: f, Background: s.session.Context(), Failed: failed, Limit: 15 * time.Minute}.ServeHTTP(w, r)
}

// failed answers with the error of a function, for the person who is writing it.
func failed(w http.ResponseWriter, e *invoke.FunctionError) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusBadGateway)
	json.NewEncoder(w).Encode(e) //nolint:errcheck // it fails only if the caller has gone
}

// list says where each function is.
func (s *Server) list(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	for _, f := range s.session.all() {
		fmt.Fprintf(w, "%s/%s/\t%s\n", s.URL, f.image, strings.Join(f.names(), ", "))
	}
}

// hostname is a host without its port.
func hostname(host string) string { return (&url.URL{Host: host}).Hostname() }

// local tells whether a name is always this machine.
func local(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || ip != nil && ip.IsLoopback()
}

// trusted refuses the requests that a page of another site makes a browser send: functions
// run with the variables, and so with the rights, of the person who started them.
func trusted(r *http.Request) error {
	if !local(hostname(r.Host)) {
		return fmt.Errorf("the host %q is not this machine; call http://127.0.0.1 or http://localhost, or pass --listen with an address of this machine", r.Host)
	}
	origin := r.Header.Get("Origin")
	if at, err := url.Parse(origin); origin != "" && (err != nil || !local(at.Hostname())) {
		return fmt.Errorf("the origin %q is not this machine", origin)
	}
	if origin == "" && r.Header.Get("Sec-Fetch-Site") == "cross-site" && (r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate") {
		return errors.New("the request comes from a page of another site")
	}
	return nil
}
