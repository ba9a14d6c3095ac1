// Package registry is a client of container registries: it reads and writes images,
// tags and referrers. A request that fails for a passing reason, such as throttling,
// is tried again.
package registry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// probeTimeout limits the wait for a registry that cannot be reached, so that a build
// says so within five seconds.
const probeTimeout = 4 * time.Second

// Digest asks the registry for the digest that reference names now. It returns within
// five seconds; [Unreachable] tells a missing network from a registry that refused.
func Digest(ctx context.Context, reference string) (v1.Hash, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return v1.Hash{}, fmt.Errorf("resolve %s: %w", reference, err)
	}
	probe, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	head, err := remote.Head(ref, append(options(probe), remote.WithRetryBackoff(remote.Backoff{Steps: 1}))...)
	if err != nil {
		if ctx.Err() != nil {
			err = ctx.Err() // err may look like a failure of the network
		}
		return v1.Hash{}, fmt.Errorf("resolve %s: %w", reference, err)
	}
	return head.Digest, nil
}

// Image returns the image with the digest, for the platform, from the repository of
// reference. Its layers are read on demand.
func Image(ctx context.Context, reference string, digest v1.Hash, platform v1.Platform) (v1.Image, error) {
	ref, err := name.ParseReference(reference)
	if err != nil {
		return nil, fmt.Errorf("read the image %s: %w", reference, err)
	}
	image, err := remote.Image(ref.Context().Digest(digest.String()),
		append(options(ctx), remote.WithPlatform(platform))...)
	if err != nil {
		return nil, fmt.Errorf("read the image %s@%s for %s: %w", reference, digest, platform, err)
	}
	return image, nil
}

// Unreachable tells whether err means that the registry did not answer, in contrast to
// a registry that answered and refused.
func Unreachable(err error) bool {
	var answer *transport.Error
	switch {
	case err == nil, errors.Is(err, context.Canceled):
		return false
	case errors.As(err, &answer):
		return answer.StatusCode == http.StatusProxyAuthRequired
	default:
		return true
	}
}

func options(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx),
		remote.WithAuthFromKeychain(authn.DefaultKeychain),
		remote.WithUserAgent("lambdas-ci"),
	}
}
