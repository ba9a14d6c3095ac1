package licence

import (
	"strings"

	"lambdas.internal/ci/tool/image/purl"
)

// License is the licence of every build that this program knows, as an SPDX expression.
// They are configured with --enable-gpl --enable-version3.
const License = "GPL-3.0-or-later"

// Program is ffmpeg or ffprobe, or both if they come from one image.
type Program struct {
	Name    string
	Version string // of the package or image
	// PURL is the package URL: https://github.com/package-url/purl-spec.
	PURL string
	// Digest is the digest of the image, as algorithm:hex; empty for an npm package.
	Digest string
	// License is an SPDX expression; empty if it is not known.
	License string
	// Source is the URL of the source; empty if it is not known.
	Source string
}

// Programs reads the comment of an ffmpeg layer, which names npm packages, or an image
// by digest.
func Programs(comment string) []Program {
	if packages, ok := strings.CutPrefix(comment, "npm "); ok {
		var all []Program
		for p := range strings.SplitSeq(packages, ", ") {
			all = append(all, fromPackage(p))
		}
		return all
	}
	return []Program{fromImage(comment)}
}

// fromPackage reads @scope/name@version.
func fromPackage(text string) Program {
	name, version := text, ""
	if at := strings.LastIndex(text, "@"); at > 0 {
		name, version = text[:at], text[at+1:]
	}
	p := Program{Name: "ffmpeg", Version: version, PURL: purl.NPM(name, version)}
	switch scope, _, _ := strings.Cut(name, "/"); scope {
	case "@ffprobe-installer":
		p.Name = "ffprobe"
		fallthrough
	case "@ffmpeg-installer":
		p.License, p.Source = License, "https://johnvansickle.com/ffmpeg/"
	}
	return p
}

// fromImage reads registry/repository:tag@digest.
func fromImage(text string) Program {
	reference, digest, _ := strings.Cut(text, "@")
	repository, tag := purl.SplitTag(reference)
	p := Program{Name: "ffmpeg", Version: tag, PURL: purl.Image(reference, digest), Digest: digest}
	if repository == "docker.io/mwader/static-ffmpeg" {
		p.License, p.Source = License, "https://github.com/wader/static-ffmpeg/tree/"+tag
	}
	return p
}
