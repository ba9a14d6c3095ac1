package registry

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// Referrers lists the manifests whose subject is the digest: from the registry's
// referrers API, or from the tag sha256-HEX if the registry does not have that API.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#referrers-tag-schema
func (c *Client) Referrers(ctx context.Context, repository string, digest v1.Hash) (all []v1.Descriptor, err error) {
	err = c.do(ctx, repository, func(s *session, o []remote.Option) error {
		index, err := remote.Referrers(s.repository.Digest(digest.String()), o...)
		if err != nil {
			return unlessMissing(err)
		}
		m, err := index.IndexManifest()
		if err != nil {
			return fmt.Errorf("%w: %w", errBody, err)
		}
		all = m.Manifests
		return nil
	})
	return all, wrap("list what is attached to", repository, digest.String(), err)
}
