package registry

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"sync"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/report"
)

// parallel is how many images are read at once.
const parallel = 8

// Platforms tells for which platform images are, such as linux/arm64, by digest: "" for what is no
// image, such as a document, and [report.Unknown] for what cannot be read. What was read stays in
// the cache, if there is one, because a digest has one content.
func (c *Client) Platforms(ctx context.Context, kept *cache.Cache, repository string, digests []string) map[string]string {
	var mu sync.Mutex
	all := map[string]string{}
	var g errgroup.Group
	g.SetLimit(parallel)
	for _, digest := range digests {
		g.Go(func() error {
			platform, err := c.platform(ctx, kept, repository, digest)
			if err != nil {
				platform = report.Unknown
			}
			mu.Lock()
			defer mu.Unlock()
			all[digest] = platform
			return nil
		})
	}
	_ = g.Wait() // no call fails
	return all
}

func (c *Client) platform(ctx context.Context, kept *cache.Cache, repository, digest string) (platform string, err error) {
	key := cache.Key("platform 1", digest)
	if kept != nil {
		if _, ok := kept.Load(key, &platform); ok {
			return platform, nil
		}
	}
	raw, hash, err := c.Manifest(ctx, repository, digest)
	if err != nil {
		return "", err
	}
	if hash.String() != digest {
		return "", fmt.Errorf("%s in %s is read back as %s", digest, repository, hash)
	}
	m, err := v1.ParseManifest(bytes.NewReader(raw))
	if err != nil {
		return "", fmt.Errorf("read the manifest %s: %w", digest, err)
	}
	if m.Config.MediaType.IsConfig() {
		if raw, err = c.Blob(ctx, repository, m.Config.Digest); err != nil {
			return "", err
		}
		var config v1.ConfigFile
		if err := json.Unmarshal(raw, &config); err != nil {
			return "", fmt.Errorf("read the configuration of %s: %w", digest, err)
		}
		platform = v1.Platform{OS: config.OS, Architecture: config.Architecture}.String()
	}
	if kept != nil {
		_ = kept.Save(key, platform) // if that fails, it is read again
	}
	return platform, nil
}
