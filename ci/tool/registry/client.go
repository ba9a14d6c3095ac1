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

	"lambdas.internal/ci/tool/registry/limit"
)

// answerTimeout limits the wait for the first byte of an answer, after the request
// is sent: a registry checks the digest of a large layer before it answers.
const answerTimeout = 3 * time.Minute

// Expirer is an [authn.Authenticator] whose credentials can expire.
type Expirer interface {
	// Expire is called when the registry no longer accepts the credentials, so that
	// new ones are fetched.
	Expire()
}

// Options configure a client. The zero value of each field has a default.
type Options struct {
	// Keychain has the credentials; by default Docker's logins.
	Keychain authn.Keychain
	// Retry says how often failed requests are tried again; by default [DefaultRetry].
	Retry *Retry
	// Transport carries the requests.
	Transport http.RoundTripper
}

// Client reads and writes repositories. Requests that fail for a passing reason are
// tried again. Repositories are named registry/path.
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
	transport  http.RoundTripper // nil before the login
	auth       authn.Authenticator
}

// NewClient returns a client.
func NewClient(o Options) *Client {
	c := &Client{keychain: o.Keychain, retry: DefaultRetry, sessions: map[string]*session{}}
	if c.keychain == nil {
		c.keychain = Logins
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
	c.inner = listener{inner}
	return c
}

// Digest returns the digest that a tag or digest names in the repository; ok is false
// if there is no such image or no such repository.
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

// CheckPush fails if the registry does not let the caller push to the repository. It begins an
// upload and ends it again; some registries create the repository then.
func (c *Client) CheckPush(ctx context.Context, repository string) error {
	err := c.do(ctx, repository, func(s *session, _ []remote.Option) error {
		s.mu.Lock()
		t := s.transport // it has the login
		s.mu.Unlock()
		return remote.CheckPushPermission(s.reference("latest"), authn.NewMultiKeychain(), t)
	})
	return wrap("begin a push to", repository, "", err)
}

// Manifest returns the manifest that a tag or digest names, and its digest, computed
// from the bytes that arrived.
func (c *Client) Manifest(ctx context.Context, repository, identifier string) (manifest []byte, digest v1.Hash, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		d, err := remote.Get(s.reference(identifier), o...)
		if err != nil {
			return err
		}
		manifest, digest = d.Manifest, d.Digest
		m, err := v1.ParseManifest(bytes.NewReader(manifest))
		if err != nil {
			return fmt.Errorf("%w: %w", errBody, err)
		}
		return limit.Check(m)
	})
	return manifest, digest, wrap("read", repository, identifier, err)
}

// HasBlob tells whether the repository has the blob.
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

// PutBlob uploads the file of a blob, unless the repository has it. sent is called
// with each number of bytes that is sent, and with a negative number when an upload
// starts again.
func (c *Client) PutBlob(ctx context.Context, repository string, d v1.Descriptor, file string, sent func(int64)) error {
	l := &fileLayer{descriptor: d, file: file, sent: sent}
	err := c.do(ctx, repository, func(s *session, o []remote.Option) error {
		l.rewind()
		return remote.WriteLayer(s.repository, l, o...)
	})
	return wrap("upload", repository, d.Digest.String(), err)
}

// PutManifest uploads the manifest under a tag, or under its digest only. A manifest
// with a subject becomes one of the subject's referrers; if the registry has no
// referrers API, go-containerregistry updates the tag that lists them.
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

// Untag removes a tag, and not the image. A missing tag is not an error.
func (c *Client) Untag(ctx context.Context, repository, tag string) error {
	err := c.as(ctx, transport.DeleteScope, repository, func(s *session, o []remote.Option) error {
		return unlessMissing(remote.Delete(s.repository.Tag(tag), o...))
	})
	return wrap("untag", repository, tag, err)
}

// Tags lists the tags of the repository; a missing repository has none.
func (c *Client) Tags(ctx context.Context, repository string) (tags []string, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		tags, err = list(ctx, s, o)
		return unlessMissing(err)
	})
	return tags, wrap("list the tags of", repository, "", err)
}

// list reads the pages of a list of tags, up to [limit.Pages].
func list(ctx context.Context, s *session, o []remote.Option) (tags []string, err error) {
	puller, err := remote.NewPuller(o...)
	if err != nil {
		return nil, err
	}
	pages, err := puller.Lister(ctx, s.repository)
	if err != nil {
		return nil, err
	}
	for n := 0; pages.HasNext(); n++ {
		if n == limit.Pages {
			return nil, fmt.Errorf("the list of tags has more than %d pages", n)
		}
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, err
		}
		tags = append(tags, page.Tags...)
	}
	return tags, nil
}

// do logs in to the repository and calls try, again if needed.
func (c *Client) do(ctx context.Context, repository string, try func(*session, []remote.Option) error) error {
	return c.as(ctx, transport.PushScope, repository, try)
}

// as is do with a scope other than pull and push, which not every registry grants.
func (c *Client) as(ctx context.Context, scope, repository string, try func(*session, []remote.Option) error) error {
	s, err := c.session(repository, scope)
	if err != nil {
		return err
	}
	err = c.retry.do(ctx, func(ctx context.Context) error {
		t, err := s.login(ctx, c.keychain, c.inner)
		if err != nil {
			return err
		}
		return try(s, []remote.Option{
			remote.WithContext(ctx), remote.WithTransport(t),
			// Retry decides what is tried again, not the library.
			remote.WithRetryBackoff(remote.Backoff{Steps: 1}),
		})
	}, s.renew)
	s.mu.Lock()
	defer s.mu.Unlock()
	return explain(err, s.auth, s.repository.RegistryStr())
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

// login returns the transport of the session, and logs in first if needed.
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
	_, confined := auth.(Confined)
	inner = transport.NewUserAgent(guard{inner, s.repository.Registry, confined}, "lambdas-ci")
	t, err := transport.NewWithContext(ctx, s.repository.Registry, auth, inner, []string{s.repository.Scope(s.scope)})
	if err != nil {
		return nil, fmt.Errorf("log in to %s: %w", s.repository.RegistryStr(), err)
	}
	s.transport = t
	return t, nil
}

// renew forgets the login, so that the next request logs in again.
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

// unlessMissing returns err, or nil if err is the registry's 404.
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
