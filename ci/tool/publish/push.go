package publish

import (
	"context"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// Push sends one image to a repository under a tag, and nothing that the repository has.
func Push(ctx context.Context, r Registry, repository, tag string, i Image) error {
	push := func(b v1.Descriptor) error {
		has, err := r.HasBlob(ctx, repository, b.Digest)
		if err != nil || has {
			return err
		}
		return r.PutBlob(ctx, repository, b, i.file(b.Digest), func(int64) {})
	}
	for _, b := range i.Blobs {
		if err := push(b); err != nil {
			return fmt.Errorf("push %s: %w", i.Name, err)
		}
	}
	if err := r.PutManifest(ctx, repository, tag, i.Manifest, i.MediaType); err != nil {
		return fmt.Errorf("push %s: %w", i.Name, err)
	}
	return nil
}
