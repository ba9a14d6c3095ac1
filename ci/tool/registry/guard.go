package registry

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
)

// Confined is an [authn.Authenticator] whose credentials only the registry may get. Others
// may also go to the token server that a registry names: Docker Hub's is another host.
type Confined interface {
	Confined()
}

// errLogin is a request that would take a login to where it does not belong.
var errLogin = errors.New("the login")

// guard sends no request that takes the registry's login elsewhere: over a connection
// without TLS, if the registry's name needs it, or to another host. go-containerregistry
// leaves out the header Authorization when it follows a redirect, but not the body with an
// identity token, and it follows a redirect from https to http.
type guard struct {
	inner    http.RoundTripper
	registry name.Registry
	confined bool
}

func (g guard) RoundTrip(r *http.Request) (*http.Response, error) {
	// https://distribution.github.io/distribution/spec/auth/oauth/
	identity := r.Header.Get("Content-Type") == "application/x-www-form-urlencoded"
	host := g.registry.RegistryStr()
	switch {
	case r.Header.Get("Authorization") == "" && !identity:
	case r.URL.Scheme == "http" && g.registry.Scheme() == "https":
		return nil, fmt.Errorf("%w for %s is not sent without TLS, as an answer of the registry asks for; check the name of the registry", errLogin, host)
	case g.confined && !strings.EqualFold(r.URL.Host, host), identity && redirected(r):
		return nil, fmt.Errorf("%w for %s is not sent to %s, another host; check the name of the registry", errLogin, host, r.URL.Host)
	}
	return g.inner.RoundTrip(r)
}

// redirected tells whether the request follows a redirect from another host.
func redirected(r *http.Request) bool {
	return r.Response != nil && r.Response.Request.URL.Host != r.URL.Host
}
