package pin

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
)

// A registry that does not answer costs seconds, so a build that has something to use in its
// place does not wait for the same registry twice within quiet. What is refused at once, such
// as a name that DNS does not know, is asked for each time.
const (
	quiet = time.Minute
	slow  = 500 * time.Millisecond
)

// unlessSilent is [registry.Digest], unless the registry did not answer a moment ago, on this
// network.
func unlessSilent(ctx context.Context, reference string) (v1.Hash, error) {
	host, _, _ := strings.Cut(reference, "/")
	notes, key := notebook(), ""
	if notes != nil {
		key = cache.Key("silent registry 1", host, registry.Network())
		var said string
		if age, ok := notes.Load(key, &said); ok && age >= 0 && age < quiet {
			return v1.Hash{}, registry.Unreached(fmt.Sprintf("%s; this was %s ago, and %s is asked again in %s, or as soon as this machine's network changes",
				said, report.Duration(age), host, report.Duration(quiet-age)))
		}
	}
	start := time.Now()
	digest, err := registry.Digest(ctx, reference)
	if notes != nil && ctx.Err() == nil && registry.Unreachable(err) && time.Since(start) > slow {
		_ = notes.Save(key, err.Error()) // else the next build waits too
	}
	return digest, err
}

// notebook is where a silent registry is noted: in a folder of this user, on this machine,
// until it is shut down. Where there is none, as in a container, nothing is noted; a cache
// folder may be shared by many machines and users.
func notebook() *cache.Cache {
	dir := cmp.Or(os.Getenv("XDG_RUNTIME_DIR"), os.TempDir())
	if cache.Private(dir) != nil || cache.Writable(dir) != nil {
		return nil
	}
	notes, err := cache.New(filepath.Join(dir, "lambdas-ci"))
	if err != nil { // such as a full disk: then every build waits
		return nil
	}
	return notes
}
