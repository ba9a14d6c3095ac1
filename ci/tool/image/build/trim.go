package build

import (
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
)

// kept is how long the cache keeps unused blobs and records; trimEvery is how often it
// is trimmed.
const (
	kept      = 30 * 24 * time.Hour
	trimEvery = 24 * time.Hour
)

// trim removes old blobs and records from the cache, except those of rows, once a day.
func (b *Builder) trim(rows []Row) error {
	key := cache.Key("trimmed")
	if age, ok := b.Cache.Load(key, new(bool)); ok && age < trimEvery {
		return nil
	}
	used := map[v1.Hash]bool{}
	for _, r := range rows {
		for _, l := range r.Layers {
			if digest, err := v1.NewHash(l.Digest); err == nil {
				used[digest] = true
			}
		}
	}
	if err := b.Cache.Trim(kept, used); err != nil {
		return err
	}
	return b.Cache.Save(key, true)
}
