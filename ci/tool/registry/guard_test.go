package registry_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/registry"
)

// thief is a server on another host than the registry. It writes down the credentials that
// arrive, asks for some, and answers as the end of an upload.
type thief struct {
	host   string
	bait   bool // ask for credentials
	mu     sync.Mutex
	asked  int
	stolen []string
}

func newThief(t *testing.T) *thief {
	t.Helper()
	th := &thief{}
	s := httptest.NewServer(th)
	t.Cleanup(s.Close)
	th.host = strings.Replace(s.Listener.Addr().String(), "127.0.0.1", "localhost", 1)
	return th
}

func (th *thief) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	_, password, _ := r.BasicAuth()
	th.mu.Lock()
	defer th.mu.Unlock()
	th.asked++
	for _, text := range append(r.Header["Authorization"], password, string(body), r.URL.RawQuery) {
		if strings.Contains(text, "nobody-may-see") {
			th.stolen = append(th.stolen, r.Method+" "+r.URL.Path+" "+text)
		}
	}
	switch {
	case r.URL.Path == "/token":
		fmt.Fprint(w, `{"token":"of-the-thief"}`)
	case th.bait && r.Header.Get("Authorization") == "":
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token"`, r.Host))
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodGet:
		fmt.Fprint(w, "content")
	default:
		w.Header().Set("Location", r.URL.Path)
		w.WriteHeader(http.StatusCreated)
	}
}

// want asserts that the thief was asked, or was not, and got nothing.
func (th *thief) want(t *testing.T, asked bool) {
	t.Helper()
	th.mu.Lock()
	defer th.mu.Unlock()
	assert.Empty(t, th.stolen)
	assert.Equal(t, asked, th.asked > 0, "%d requests", th.asked)
}

// once tries nothing again.
var once = registry.Retry{Attempts: 1, First: time.Millisecond, Longest: time.Millisecond}

// ECR redirects the download of a layer to S3, and other registries an upload.
func TestALoginStaysWithTheRegistry(t *testing.T) {
	content := []byte("content")
	read := func(c *registry.Client, repository string, d v1.Descriptor) error {
		got, err := c.Blob(t.Context(), repository, d.Digest)
		assert.Equal(t, content, got)
		return err
	}
	upload := func(c *registry.Client, repository string, _ v1.Descriptor) error {
		_, err := c.PutBytes(t.Context(), repository, []byte("another"), types.OCIConfigJSON)
		return err
	}
	for title, test := range map[string]struct {
		status int
		method string
		kind   string
		do     func(*registry.Client, string, v1.Descriptor) error
	}{
		"download, 302":               {http.StatusFound, http.MethodGet, "blob", read},
		"download, 307":               {http.StatusTemporaryRedirect, http.MethodGet, "blob", read},
		"download, 308":               {http.StatusPermanentRedirect, http.MethodGet, "blob", read},
		"start of an upload, 307":     {http.StatusTemporaryRedirect, http.MethodPost, "upload", upload},
		"start of an upload, 308":     {http.StatusPermanentRedirect, http.MethodPost, "upload", upload},
		"body of an upload, 307":      {http.StatusTemporaryRedirect, http.MethodPatch, "upload", upload},
		"body of an upload, 308":      {http.StatusPermanentRedirect, http.MethodPatch, "upload", upload},
		"end of an upload, 307":       {http.StatusTemporaryRedirect, http.MethodPut, "upload", upload},
		"Location of an upload":       {http.StatusAccepted, http.MethodPost, "upload", upload},
		"Location of an upload's end": {http.StatusAccepted, http.MethodPatch, "upload", upload},
	} {
		for login, ask := range map[string]func(*registrytest.Registry){
			"password": func(r *registrytest.Registry) {
				r.RequirePassword(func(p string) bool { return p == registrytest.Password })
			},
			"token": func(r *registrytest.Registry) { r.RequireToken(1000) },
		} {
			t.Run(title+", "+login, func(t *testing.T) {
				r, th := registrytest.New(t), newThief(t)
				ask(r)
				th.bait = login == "token" // with a password, the client does not try again
				c := registry.NewClient(registry.Options{Keychain: registrytest.Login(registrytest.Password), Retry: &once})
				d, err := c.PutBytes(t.Context(), r.Host+"/x", content, types.OCIConfigJSON)
				require.NoError(t, err)
				r.Fail(func(q registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
					if q.Kind != test.kind || q.Method != test.method {
						return false
					}
					w.Header().Set("Location", "http://"+th.host+q.Path)
					w.WriteHeader(test.status)
					return true
				})

				require.NoError(t, test.do(c, r.Host+"/x", d))
				th.want(t, true)
			})
		}
	}
}

// confined is a login as those for AWS: for the registry alone.
type confined struct{ authn.Authenticator }

func (confined) Confined()                                             {}
func (c confined) Resolve(authn.Resource) (authn.Authenticator, error) { return c, nil }
func keychain(a authn.AuthConfig) confined                             { return confined{authn.FromConfig(a)} }
func password() authn.AuthConfig {
	return authn.AuthConfig{Username: "u", Password: registrytest.Password}
}

// challenge is a registry that names a token server.
func challenge(t *testing.T, realm string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/moved" {
			http.Redirect(w, r, realm, http.StatusTemporaryRedirect)
			return
		}
		to := realm
		if strings.HasSuffix(realm, "?moved") {
			to = "http://" + r.Host + "/moved"
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm=%q`, to))
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestATokenServerOnAnotherHost(t *testing.T) {
	t.Run("gets no login that is for the registry alone", func(t *testing.T) {
		th := newThief(t)
		host := challenge(t, "http://"+th.host+"/token")
		_, _, err := registry.NewClient(registry.Options{Keychain: keychain(password()), Retry: &once}).Digest(t.Context(), host+"/x", "y")
		th.want(t, false)
		require.ErrorContains(t, err, "the login for "+host+" is not sent to "+th.host+", another host; check the name of the registry")
		assert.NotContains(t, err.Error(), "\n")
	})
	t.Run("gets Docker's login, as it does from Docker", func(t *testing.T) {
		th := newThief(t)
		_, _, _ = registry.NewClient(registry.Options{Keychain: registrytest.Login(registrytest.Password), Retry: &once}).
			Digest(t.Context(), challenge(t, "http://"+th.host+"/token")+"/x", "y")
		assert.NotEmpty(t, th.stolen, "Docker Hub's token server is another host")
	})
	// An identity token is in the body, and HTTP clients send the body again.
	for title, secret := range map[string]authn.AuthConfig{"password": password(), "identity token": {IdentityToken: registrytest.Password}} {
		t.Run("redirects to another: "+title, func(t *testing.T) {
			th := newThief(t)
			host := challenge(t, "http://"+th.host+"/token?moved")
			keys := keychains{authn.FromConfig(secret)}
			_, _, err := registry.NewClient(registry.Options{Keychain: keys, Retry: &once}).Digest(t.Context(), host+"/x", "y")
			require.Error(t, err)
			th.want(t, title == "password")
		})
	}
}

// keychains has one login for all registries.
type keychains struct{ authn.Authenticator }

func (k keychains) Resolve(authn.Resource) (authn.Authenticator, error) { return k.Authenticator, nil }

// A redirect to the same name without TLS is a redirect to whoever is on the network.
func TestALoginNeedsTLS(t *testing.T) {
	th := newThief(t)
	th.bait = true
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "http://"+r.Host+r.URL.Path, http.StatusTemporaryRedirect)
	}))
	t.Cleanup(secure.Close)
	network := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, _, address string) (net.Conn, error) {
			to := th.host
			if strings.HasSuffix(address, ":443") {
				to = secure.Listener.Addr().String()
			}
			return new(net.Dialer).DialContext(ctx, "tcp", to)
		},
	}
	for title, secret := range map[string]authn.AuthConfig{"password": password(), "identity token": {IdentityToken: registrytest.Password}} {
		t.Run(title, func(t *testing.T) {
			c := registry.NewClient(registry.Options{Keychain: keychains{authn.FromConfig(secret)}, Retry: &once, Transport: network})
			_, _, err := c.Digest(t.Context(), "registry.test/x", "y")
			th.want(t, true)
			require.ErrorContains(t, err, "the login for registry.test is not sent without TLS")
			assert.False(t, registry.Unreachable(err))
		})
	}
}
