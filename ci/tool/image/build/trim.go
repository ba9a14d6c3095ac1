package build

import (
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
)

// kept is how long the cache keeps what no build used, and trimEvery how often
// that is looked after.
const (
	kept      = 30 * 24 * time.Hour
	trimEvery = 24 * time.Hour
)

// trim removes from the cache what has not been used for long, once a day.
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
