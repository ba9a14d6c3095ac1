package registrytest

import (
	"fmt"
	"net/http"
	"strings"
	"sync"

	"github.com/google/go-containerregistry/pkg/authn"
)

const tokenPath = "/token"

// The credentials that [Registry.RequireToken] and [Registry.RequirePassword] accept.
const (
	User     = "AWS"
	Password = "the-password-that-nobody-may-see"
)

// Login returns a keychain that logs in to every registry as [User] with the password.
func Login(password string) authn.Keychain { return keychain{password} }

type keychain struct{ password string }

func (k keychain) Resolve(authn.Resource) (authn.Authenticator, error) {
	return authn.FromConfig(authn.AuthConfig{Username: User, Password: k.password}), nil
}

// RequireToken makes the registry ask for a bearer token, as most registries do. It gives
// one for [User] and [Password], which ends after so many requests.
func (r *Registry) RequireToken(requests int) {
	var mu sync.Mutex
	left := map[string]int{}
	r.setLogin(func(w http.ResponseWriter, req *http.Request) bool {
		mu.Lock()
		defer mu.Unlock()
		if req.URL.Path == tokenPath {
			user, password, _ := req.BasicAuth()
			if user != User || password != Password {
				w.WriteHeader(http.StatusUnauthorized)
				return false
			}
			token := fmt.Sprintf("token-that-nobody-may-see-%d", len(left)+1)
			left[token] = requests
			fmt.Fprintf(w, `{"token":%q,"expires_in":3600}`, token)
			return false
		}
		token := strings.TrimPrefix(req.Header.Get("Authorization"), "Bearer ")
		if left[token] > 0 {
			left[token]--
			return true
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s%s",service="test"`, r.Host, tokenPath))
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return false
	})
}

// RequirePassword makes the registry ask for a password, as ECR does. good tells whether
// a password is valid; the answer to an expired one is 403, as from ECR.
func (r *Registry) RequirePassword(good func(password string) bool) {
	r.setLogin(func(w http.ResponseWriter, req *http.Request) bool {
		user, password, ok := req.BasicAuth()
		switch {
		case !ok:
			w.Header().Set("WWW-Authenticate", `Basic realm="https://ecr.test/",service="ecr.amazonaws.com"`)
			refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "Not Authorized")
			return false
		case user != User || !good(password):
			refuse(w, http.StatusForbidden, "DENIED", "Your authorization token has expired. Reauthenticate and try again.")
			return false
		default:
			return true
		}
	})
}

func (r *Registry) setLogin(login func(http.ResponseWriter, *http.Request) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.login = login
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"errors":[{"code":%q,"message":%q}]}`, code, message)
}
