package gobuild

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/lock"
)

// The Dockerfiles repeat the lock file and the flags of this package, because they cannot
// read them.
func TestDockerfilesBuildAsTheToolDoes(t *testing.T) {
	root := filepath.Join("..", "..", "..", "..")
	locked, err := lock.Load(root)
	require.NoError(t, err)
	c, err := catalog.Load(root)
	require.NoError(t, err)
	for variant, images := range map[catalog.Variant]map[string]lock.Image{
		catalog.Light: {"BUILDER": locked.Builder, "BASE": locked.Base},
		catalog.Heavy: {"BUILDER": locked.Builder, "BASE": locked.Base, "FFMPEG": locked.FFmpeg},
	} {
		t.Run(string(variant), func(t *testing.T) {
			lines := instructions(t, filepath.Join(root, "ci", "docker", "Dockerfile."+string(variant)))
			for arg, image := range images {
				assert.Contains(t, lines, "ARG "+arg+"="+image.Pinned(), "as in %s", lock.File)
			}
			var build, settings string
			for _, line := range lines {
				switch {
				case strings.HasPrefix(line, "ENV "):
					settings += line + " "
				case strings.Contains(line, " go build "):
					build = strings.ReplaceAll(line, "'", "")
				}
			}
			assert.Contains(t, build, " go build "+strings.Join(Flags(catalog.Function{}), " ")+" -o ")
			for _, setting := range environment(c, v1.Platform{OS: "$TARGETOS", Architecture: "$TARGETARCH"}) {
				name, value, _ := strings.Cut(setting, "=")
				switch {
				case value == "": // as it is in the image
				case name == "GOTOOLCHAIN":
					assert.Contains(t, locked.Builder.Reference, ":"+strings.TrimPrefix(value, "go"), "go.work and %s pin one Go", lock.File)
					assert.Contains(t, settings, " GOTOOLCHAIN=local ")
				case strings.HasPrefix(value, "$"):
					assert.Contains(t, build, " "+setting+" ")
				default:
					assert.Contains(t, settings, " "+setting+" ")
				}
			}
			assert.Contains(t, lines, "COPY --link --from=build --chmod=0755 /out/bootstrap /var/runtime/bootstrap")
			if variant == catalog.Heavy {
				assert.Contains(t, lines, "COPY --link ci/tool/image/licence/files/ /"+licence.Dir+"/")
				assert.Contains(t, lines, `RUN echo "$FFMPEG" >/`+licence.Build)
			}
			assert.Equal(t, `CMD ["bootstrap"]`, lines[len(lines)-1])
		})
	}
}

// instructions are those of a Dockerfile, each on one line, with single spaces.
func instructions(t *testing.T, file string) (lines []string) {
	t.Helper()
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range strings.Lines(strings.ReplaceAll(string(data), "\\\n", " ")) {
		if line = strings.Join(strings.Fields(line), " "); line != "" && !strings.HasPrefix(line, "#") {
			lines = append(lines, line)
		}
	}
	return lines
}
