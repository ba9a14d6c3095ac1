package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const buildAgain = "; build again: bin/ci build-all"

// CheckAssembly fails an image that is not, byte for byte, what this program assembles from
// its base, its ffmpeg and its binary. So a layer of this program has no other file, no other
// entry of a file and no attribute, and the configuration and the manifest have no other
// field, label, annotation or history. binary is the layer that this program makes of
// the bootstrap, and files the one that it makes of the files that image.json names, if it names
// some.
func CheckAssembly(f catalog.Function, i ImageFacts, files *layer.Layer, binary layer.Layer) Check {
	examined := fmt.Sprintf("%s, base %s, ffmpeg %s", report.Count(len(i.Manifest.Layers), "layer"), known(i.Claim.BasePin, true), known(i.Claim.FFmpegPin, i.Claim.FFmpeg != nil))
	if i.ClaimErr != nil {
		return check(f.Image, Assembly, 1, "the manifest", []string{i.ClaimErr.Error() + buildAgain})
	}
	var findings []string
	bad := func(format string, args ...any) { findings = append(findings, fmt.Sprintf(format, args...)+buildAgain) }
	if binary.Digest != i.Claim.Binary.Digest {
		bad("layer %d is not the layer that bin/ci makes of /%s alone", len(i.Manifest.Layers), image.BootstrapPath)
	} else {
		i.Claim.Binary = binary
	}
	switch {
	case files == nil || i.Claim.Files == nil: // the description and the claim agree on it
	case files.Digest != i.Claim.Files.Digest:
		bad("layer %d is not the layer that bin/ci makes of the files that %s names", len(i.Manifest.Layers)-1, catalog.DescriptionFile)
	default:
		i.Claim.Files = files
	}
	switch expected, err := i.Claim.Encode(); {
	case err != nil:
		bad("%v", err)
	default:
		if at := difference(expected.Config, i.RawConfig); at >= 0 {
			bad("the configuration is not the one that bin/ci writes for these layers, from byte %d on", at)
		}
		if at := difference(expected.Manifest, i.RawManifest); at >= 0 {
			bad("the manifest is not the one that bin/ci writes for these layers, from byte %d on", at)
		}
		if i.MediaType != expected.Descriptor.MediaType {
			bad("the image is a %s, not a %s", i.MediaType, expected.Descriptor.MediaType)
		}
	}
	return check(f.Image, Assembly, len(i.RawConfig), examined, findings)
}

// known says how a part is known.
func known(p image.Pin, there bool) string {
	switch {
	case !there:
		return "none"
	case p == "":
		return "unknown: every file is read"
	}
	return string(p)
}

// difference returns the first byte at which a and b differ, or -1.
func difference(a, b []byte) int {
	if bytes.Equal(a, b) {
		return -1
	}
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// binaryLayer returns the layer that this program makes of the bootstrap. It is in the cache
// if it was made here.
func (a *Auditor) binaryLayer(bootstrap []byte) (layer.Layer, error) {
	sum := sha256.Sum256(bootstrap)
	files, comment := image.BinaryLayer(layer.File{
		Size: int64(len(bootstrap)), Digest: hex.EncodeToString(sum[:]),
		Open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(bootstrap)), nil },
	})
	made, _, err := layer.Keep(a.cache, files, comment)
	return made, err
}
