package awsauth

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
)

const (
	// margin is how long before its end a token is replaced. Tokens last 12 hours; a
	// single upload takes less time than this.
	margin = 10 * time.Minute
	// fresh is how long a new token is not replaced again: when a token ends, several
	// requests are refused at once, and one new token is enough.
	fresh = 10 * time.Second
)

// token is a login that is requested when it is first needed, and again when it ends. It
// implements authn.Authenticator, registry.Expirer and registry.Confined.
type token struct {
	registry string // its name in messages
	get      func(context.Context) (encoded string, ends time.Time, err error)
	now      func() time.Time

	mu       sync.Mutex
	password string
	got      time.Time
	ends     time.Time
}

// Authorization returns the login.
func (t *token) Authorization() (*authn.AuthConfig, error) {
	return t.AuthorizationContext(context.Background())
}

// AuthorizationContext returns the login.
func (t *token) AuthorizationContext(ctx context.Context) (*authn.AuthConfig, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	if t.password == "" || now.After(t.ends.Add(-margin)) {
		encoded, ends, err := t.get(ctx)
		if err != nil {
			return nil, fmt.Errorf("get the login for %s: %w", t.registry, err)
		}
		password, err := decode(encoded)
		if err != nil {
			return nil, fmt.Errorf("get the login for %s: %w", t.registry, err)
		}
		t.password, t.ends, t.got = password, ends, now
	}
	return &authn.AuthConfig{Username: user, Password: t.password}, nil
}

// Expire makes the next login get another token.
func (t *token) Expire() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.now().Sub(t.got) >= fresh {
		t.password = ""
	}
}

// Confined says that only the registry may get the token. The token servers of ECR and
// ECR Public are on the registry's host.
func (t *token) Confined() {}

// user is the user of every ECR token.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
const user = "AWS"

// decode returns the password in a token. No error repeats any part of the token.
func decode(encoded string) (string, error) {
	plain, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return "", errors.New("AWS answered with a token that is not base64")
	}
	name, password, ok := strings.Cut(string(plain), ":")
	if !ok || name != user || password == "" {
		return "", errors.New("AWS answered with a token that is not AWS:password")
	}
	return password, nil
}
