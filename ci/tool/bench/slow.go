package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"time"
)

// slowRegistry serves what the registry at host serves, each request after the delay.
func slowRegistry(host string) *httptest.Server {
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: host})
	direct := proxy.Director
	proxy.Director = func(r *http.Request) {
		asked := r.Host
		direct(r)
		r.Host = asked // so that the addresses in the answers are those of this server
	}
	return httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(delay)
		proxy.ServeHTTP(w, r)
	}))
}
