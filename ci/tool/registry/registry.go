// Package registry is a client of container registries: it reads and writes images,
// tags and referrers. A request that fails for a passing reason, such as throttling,
// is tried again.
package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"lambdas.internal/ci/tool/registry/limit"
	"lambdas.internal/ci/tool/report"
)

// probeTimeout limits the wait for a registry that cannot be reached, so that a build
// says so within five seconds.
const probeTimeout = 4 * time.Second

// pullRetry bounds the attempts while an image is looked up: public.ecr.aws allows one
// request a second without a login.
// https://docs.aws.amazon.com/AmazonECR/latest/public/public-service-quotas.html
var pullRetry = Retry{Attempts: 4, First: time.Second, Longest: 8 * time.Second, Patience: 30 * time.Second}

// Digest asks the registry for the digest that reference names now. It is asked again
// if it answers that it is busy. A registry that cannot be reached is found out within
// five seconds; [Unreachable], [NotFound] and [RateLimited] tell the errors apart.
func Digest(ctx context.Context, reference string) (v1.Hash, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("resolve %s: %w", reference, err)
	}
	var head *v1.Descriptor
	err = pull(ctx, ref, func(attempt context.Context, o []remote.Option) (err error) {
		attempt, cancel := context.WithTimeout(attempt, probeTimeout)
		defer cancel()
		head, err = remote.Head(ref, append(o, remote.WithContext(attempt), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))...)
		return err
	})
	if err != nil {
		return v1.Hash{}, fmt.Errorf("resolve %s: %w", reference, err)
	}
	return head.Digest, nil
}

// lookUp calls ask until the registry answers, or cannot be reached.
func lookUp(ctx context.Context, auth authn.Authenticator, host string, ask func(attempt context.Context) error) error {
	var down error
	err := pullRetry.do(ctx, func(attempt context.Context) error {
		err := ask(attempt)
		if down = nil; Unreachable(err) && ctx.Err() == nil {
			down = err
			return nil
		}
		return err
	}, func() {})
	return errors.Join(explain(err, auth, host), down)
}

// Image returns the image with the digest, for the platform, from the repository of
// reference. Its layers are read on demand.
func Image(ctx context.Context, reference string, digest v1.Hash, platform v1.Platform) (v1.Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("read the image %s: %w", reference, err)
	}
	var image v1.Image
	err = pull(ctx, ref, func(_ context.Context, o []remote.Option) (err error) {
		// Its layers are read later, so the context is not that of the attempt.
		image, err = remote.Image(ref.Context().Digest(digest.String()), append(o, remote.WithPlatform(platform))...)
		return err
	})
	if err == nil {
		var m *v1.Manifest
		if m, err = image.Manifest(); err == nil {
			err = limit.Check(m)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the image %s@%s for %s: %w", reference, digest, platform, err)
	}
	return image, nil
}

// Expect tells the step of the context how many bytes it is going to receive: those of the
// layers of the image that are not kept.
func Expect(ctx context.Context, image v1.Image, kept func(digest v1.Hash, size int64) bool) {
	manifest, err := image.Manifest()
	if err != nil {
		return // who reads the image next is told
	}
	var total int64
	for _, l := range manifest.Layers {
		if !kept(l.Digest, l.Size) {
			total += l.Size
		}
	}
	report.Counting(ctx, "received", total, report.Bytes)
}

// receiver counts what is received, for the step of the context.
type receiver struct{ inner http.RoundTripper }

func (r receiver) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := r.inner.RoundTrip(request)
	if err == nil {
		response.Body = receivedBody{response.Body, request.Context()}
	}
	return response, err
}

type receivedBody struct {
	io.ReadCloser
	ctx context.Context
}

func (b receivedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	report.Add(b.ctx, int64(n))
	return n, err
}

// errUnreachable is that no registry can be asked.
var errUnreachable = errors.New("no registry answers")

// Unreached returns an error with the text that [Unreachable] is true for: a remembered one.
func Unreached(text string) error { return unreached(text) }

type unreached string

func (u unreached) Error() string { return string(u) }

func (u unreached) Is(target error) bool { return target == errUnreachable }

// connects are the operations of [net.OpError] that make a connection, also to a proxy.
var connects = []string{"dial", "proxyconnect", "socks connect"}

// Unreachable tells whether err means that the network has no way to the registry: its name is
// unknown, nothing accepts a connection, no answer comes in time, or a proxy refuses. Anything
// else is not: what answered, though not as a registry, must not be taken for no network.
func Unreachable(err error) bool {
	var answer *transport.Error
	var lookup *net.DNSError
	var network *net.OpError
	var timeout net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.As(err, &certificate), err == nil, errors.Is(err, context.Canceled), errors.Is(err, errLogin), errors.Is(err, errLogins):
		return false
	case errors.As(err, &answer):
		return answer.StatusCode == http.StatusProxyAuthRequired
	default:
		return errors.Is(err, errUnreachable) || errors.As(err, &lookup) || errors.As(err, &network) && slices.Contains(connects, network.Op) ||
			errors.As(err, &timeout) && timeout.Timeout()
	}
}

// network carries the requests of pulls.
var network = sync.OnceValue(func() http.RoundTripper {
	return telling(remote.DefaultTransport.(*http.Transport).Clone())
})

// telling makes it an error of its own that a proxy makes no connection.
func telling(t *http.Transport) *http.Transport {
	t.OnProxyConnectResponse = func(_ context.Context, proxy *url.URL, _ *http.Request, answer *http.Response) error {
		if answer.StatusCode == http.StatusOK {
			return nil
		}
		return unreached(fmt.Sprintf("the proxy %s answers: %s", proxy.Host, report.Line(answer.Status)))
	}
	return t
}

// NotFound tells whether err means that the registry does not hold the image.
func NotFound(err error) bool { return answered(err, http.StatusNotFound) }

// RateLimited tells whether err means that the registry accepts no more requests for now.
func RateLimited(err error) bool { return answered(err, http.StatusTooManyRequests) }

func answered(err error, status int) bool {
	var answer *transport.Error
	return errors.As(err, &answer) && answer.StatusCode == status
}

func options(ctx context.Context, ref name.Reference, auth authn.Authenticator) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuth(auth),
		remote.WithUserAgent("lambdas-ci"),
		remote.WithTransport(guard{inner: receiver{listener{network()}}, registry: ref.Context().Registry}),
	}
}
