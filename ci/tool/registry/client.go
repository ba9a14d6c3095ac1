package registry

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// answerTimeout bounds the wait for the first byte of an answer, after the request
// is sent: a registry checks the digest of a large layer before it answers.
const answerTimeout = 3 * time.Minute

// Expirer is an [authn.Authenticator] whose credentials can run out.
type Expirer interface {
	// Expire says that the registry does not take the credentials any more, so
	// that others are got.
	Expire()
}

// Options are what a client is made of. The zero value of each has a default.
type Options struct {
	// Keychain has the credentials; by default those of the docker client.
	Keychain authn.Keychain
	// Retry says what is tried again.
	Retry *Retry
	// Transport carries the requests.
	Transport http.RoundTripper
}

// Client reads and writes repositories. What fails for a passing reason is tried
// again. Repositories are named as registry/path.
type Client struct {
	keychain authn.Keychain
	retry    Retry
	inner    http.RoundTripper

	mu       sync.Mutex
	sessions map[string]*session
}

// session is a login to one repository.
type session struct {
	repository name.Repository
	scope      string
	mu         sync.Mutex
	transport  http.RoundTripper // nil until it is made
	auth       authn.Authenticator
}

// NewClient returns a client.
func NewClient(o Options) *Client {
	c := &Client{keychain: o.Keychain, retry: DefaultRetry, sessions: map[string]*session{}}
	if c.keychain == nil {
		c.keychain = authn.DefaultKeychain
	}
	if o.Retry != nil {
		c.retry = *o.Retry
	}
	inner := o.Transport
	if inner == nil {
		t := remote.DefaultTransport.(*http.Transport).Clone()
		t.ResponseHeaderTimeout = answerTimeout
		inner = t
	}
	c.inner = transport.NewUserAgent(listener{inner}, "lambdas-ci")
	return c
}

// Digest returns what tag, or digest, names in the repository; ok is false when
// it names nothing, or the repository is not there.
func (c *Client) Digest(ctx context.Context, repository, identifier string) (digest v1.Hash, ok bool, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		head, err := remote.Head(s.reference(identifier), o...)
		if err == nil {
			digest, ok = head.Digest, true
		}
		return unlessMissing(err)
	})
	return digest, ok, wrap("look up", repository, identifier, err)
}

// Manifest returns the manifest that tag, or digest, names, and its digest: that
// of the bytes that arrived, not the one that the registry says.
func (c *Client) Manifest(ctx context.Context, repository, identifier string) (manifest []byte, digest v1.Hash, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		d, err := remote.Get(s.reference(identifier), o...)
		if err != nil {
			return err
		}
		manifest, digest = d.Manifest, d.Digest
		if _, err := v1.ParseManifest(bytes.NewReader(manifest)); err != nil {
			return fmt.Errorf("%w: %w", errBody, err)
		}
		return nil
	})
	return manifest, digest, wrap("read", repository, identifier, err)
}

// HasBlob tells whether the repository holds the blob.
func (c *Client) HasBlob(ctx context.Context, repository string, digest v1.Hash) (has bool, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		l, err := remote.Layer(s.repository.Digest(digest.String()), o...)
		if err != nil {
			return err
		}
		has, err = partial.Exists(l)
		return unlessMissing(err)
	})
	return has, wrap("look up", repository, digest.String(), err)
}

// PutBlob uploads the file of a blob, unless the repository holds it. sent is
// called with every number of bytes that goes out, less what is sent again.
func (c *Client) PutBlob(ctx context.Context, repository string, d v1.Descriptor, file string, sent func(int64)) error {
	l := &fileLayer{descriptor: d, file: file, sent: sent}
	err := c.do(ctx, repository, func(s *session, o []remote.Option) error {
		l.rewind()
		return remote.WriteLayer(s.repository, l, o...)
	})
	return wrap("upload", repository, d.Digest.String(), err)
}

// PutManifest gives the manifest a tag, or puts it there under its digest alone. One
// that has a subject is listed among the subject's referrers, also by a registry
// without the API for them: go-containerregistry then keeps the list.
func (c *Client) PutManifest(ctx context.Context, repository, identifier string, manifest []byte, media types.MediaType) error {
	err := c.do(ctx, repository, func(s *session, o []remote.Option) error {
		return remote.Put(s.reference(identifier), rawManifest{manifest, media}, o...)
	})
	verb := "tag"
	if _, digest := v1.NewHash(identifier); digest == nil {
		verb = "put"
	}
	return wrap(verb, repository, identifier, err)
}

// Untag takes a tag away, and nothing else. A tag that is not there is no error.
func (c *Client) Untag(ctx context.Context, repository, tag string) error {
	err := c.as(ctx, transport.DeleteScope, repository, func(s *session, o []remote.Option) error {
		return unlessMissing(remote.Delete(s.repository.Tag(tag), o...))
	})
	return wrap("untag", repository, tag, err)
}

// Tags lists the tags of the repository; one that is not there has none.
func (c *Client) Tags(ctx context.Context, repository string) (tags []string, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		tags, err = remote.List(s.repository, o...)
		return unlessMissing(err)
	})
	return tags, wrap("list the tags of", repository, "", err)
}

// do logs in to the repository and calls try, again if need be.
func (c *Client) do(ctx context.Context, repository string, try func(*session, []remote.Option) error) error {
	return c.as(ctx, transport.PushScope, repository, try)
}

// as is do with other rights than to pull and push, which not every registry gives.
func (c *Client) as(ctx context.Context, scope, repository string, try func(*session, []remote.Option) error) error {
	s, err := c.session(repository, scope)
	if err != nil {
		return err
	}
	return c.retry.do(ctx, func(ctx context.Context) error {
		t, err := s.login(ctx, c.keychain, c.inner)
		if err != nil {
			return err
		}
		return try(s, []remote.Option{
			remote.WithContext(ctx), remote.WithTransport(t),
			// What is tried again is decided here, in one place.
			remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
		})
	}, s.renew)
}

func (c *Client) session(repository, scope string) (*session, error) {
	repo, err := name.NewRepository(repository)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	key := repository + " " + scope
	s, ok := c.sessions[key]
	if !ok {
		s = &session{repository: repo, scope: scope}
		c.sessions[key] = s
	}
	return s, nil
}

// login returns the transport that is logged in to the repository.
func (s *session) login(ctx context.Context, keychain authn.Keychain, inner http.RoundTripper) (http.RoundTripper, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.transport != nil {
		return s.transport, nil
	}
	auth, err := authn.Resolve(ctx, keychain, s.repository)
	if err != nil {
		return nil, fmt.Errorf("log in to %s: %w", s.repository.RegistryStr(), err)
	}
	s.auth = auth
	t, err := transport.NewWithContext(ctx, s.repository.Registry, auth, inner, []string{s.repository.Scope(s.scope)})
	if err != nil {
		return nil, fmt.Errorf("log in to %s: %w", s.repository.RegistryStr(), err)
	}
	s.transport = t
	return t, nil
}

// renew forgets the login, so that the next request makes another.
func (s *session) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.transport = nil
	if e, ok := s.auth.(Expirer); ok {
		e.Expire()
	}
}

func (s *session) reference(identifier string) name.Reference {
	if _, err := v1.NewHash(identifier); err == nil {
		return s.repository.Digest(identifier)
	}
	return s.repository.Tag(identifier)
}

// unlessMissing is err, unless that is the registry's "there is no such thing".
func unlessMissing(err error) error {
	var answer *transport.Error
	if errors.As(err, &answer) && answer.StatusCode == http.StatusNotFound {
		return nil
	}
	return err
}

func wrap(verb, repository, what string, err error) error {
	if err == nil {
		return nil
	}
	if what != "" {
		what += " in "
	}
	return fmt.Errorf("%s %s%s: %w", verb, what, repository, err)
}
