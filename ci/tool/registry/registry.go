// Package registry reads images from registries, and writes them.
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

// probeTimeout bounds how long it takes to learn that a registry is out of
// reach, so that a build says so within five seconds.
const probeTimeout = 4 * time.Second

// Digest asks the registry what reference names now. It answers or fails within
// five seconds; [Unreachable] tells a missing network from a registry's no.
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
			err = ctx.Err() // its cause may look like a network's failure
		}
		return v1.Hash{}, fmt.Errorf("resolve %s: %w", reference, err)
	}
	return head.Digest, nil
}

// Image returns the image for the platform that digest names in the repository
// of reference. Its layers are read when they are asked for.
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

// Unreachable tells whether err means that the registry could not be asked, in
// contrast to a registry that answered and refused.
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
