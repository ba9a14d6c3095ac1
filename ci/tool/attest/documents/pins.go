package documents

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"

	"lambdas.internal/ci/tool/attest/provenance"
	"lambdas.internal/ci/tool/image/purl"
	"lambdas.internal/ci/tool/workspace/lock"
)

// builderVariable is set in the images with Go from Docker Hub, to the version without "go".
// https://hub.docker.com/_/golang
const builderVariable = "GOLANG_VERSION"

// toolchain is the pinned image with Go, if this program runs in an image with the version of Go
// that compiled the binary, and the pin is one with that version. Elsewhere Go is what the machine
// has, whose digest nobody knows.
func toolchain(pins *lock.Lock, goVersion, here string) (r provenance.Resource) {
	version := strings.TrimPrefix(goVersion, "go")
	repository, tag := purl.SplitTag(pins.Builder.Reference)
	if here != version || repository != "docker.io/library/golang" || tag != version && !strings.HasPrefix(tag, version+"-") {
		return r
	}
	algorithm, digest, ok := strings.Cut(pins.Builder.Digest, ":")
	if !ok {
		return r
	}
	return provenance.Resource{URI: purl.Image(pins.Builder.Reference, pins.Builder.Digest), Digest: map[string]string{algorithm: digest}}
}

// packages returns the digests of the pinned npm packages, by package URL.
func packages(pins *lock.Lock) (map[string]string, error) {
	all := map[string]string{}
	for _, static := range pins.Static {
		for _, p := range []lock.Package{static.FFmpeg, static.FFprobe} {
			algorithm, sum, ok := strings.Cut(p.Integrity, "-")
			if !ok {
				continue
			}
			raw, err := base64.StdEncoding.DecodeString(sum)
			if err != nil {
				return nil, fmt.Errorf("%s: read the integrity of %s: %w", lock.File, p.Name, err)
			}
			all[purl.NPM(p.Name, p.Version)] = algorithm + ":" + hex.EncodeToString(raw)
		}
	}
	return all, nil
}
