package pin

import (
	"fmt"
	"path/filepath"
	"regexp"

	"lambdas.internal/ci/tool/cache"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

// dockerfiles are the Dockerfiles that repeat the lock file, because they cannot read it.
const dockerfiles = "ci/docker/Dockerfile.*"

var argument = regexp.MustCompile(`(?m)^ARG (BASE|FFMPEG|BUILDER)=[^\r\n]*`)

// Dockerfiles writes the images of the lock file into the ARG lines of the Dockerfiles in
// ci/docker, if there are any, and returns the names of those that changed.
func Dockerfiles(root string, l *lock.Lock) (changed []string, err error) {
	images := map[string]lock.Image{"BASE": l.Base, "FFMPEG": l.FFmpeg, "BUILDER": l.Builder}
	names, err := filepath.Glob(filepath.Join(root, filepath.FromSlash(dockerfiles)))
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return nil, err
		}
		before, err := catalog.ReadFile(root, filepath.ToSlash(rel))
		if err != nil {
			return nil, fmt.Errorf("read the images of a Dockerfile: %w", err)
		}
		after := argument.ReplaceAllStringFunc(string(before), func(line string) string {
			arg := argument.FindStringSubmatch(line)[1]
			return "ARG " + arg + "=" + images[arg].Pinned()
		})
		if after == string(before) {
			continue
		}
		if err := cache.WriteFile(name, []byte(after)); err != nil {
			return nil, fmt.Errorf("write the images of a Dockerfile: %w", err)
		}
		changed = append(changed, filepath.ToSlash(rel))
	}
	return changed, nil
}
