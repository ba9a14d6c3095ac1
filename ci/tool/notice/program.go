package notice

import (
	"net/url"
	"strings"
)

// License is that of every build that this program knows, as SPDX names it: they
// are configured with --enable-gpl --enable-version3.
const License = "GPL-3.0-or-later"

// Program is ffmpeg or ffprobe, or both where they come in one image.
type Program struct {
	Name    string
	Version string // of the package or image
	// PURL names the package: https://github.com/package-url/purl-spec.
	PURL string
	// Digest is that of the image, as algorithm:hex; empty for a package.
	Digest string
	// License is an SPDX expression; empty when it is not known.
	License string
	// Source is where the source is; empty when it is not known.
	Source string
}

// Programs returns what the comment of an ffmpeg layer names: packages of npm, or
// an image by digest.
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
	name, version := cutLast(text, "@")
	p := Program{Name: "ffmpeg", Version: version, PURL: "pkg:npm/" + strings.Replace(name, "@", "%40", 1) + "@" + version}
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
	repository, tag := reference, ""
	if name, found := cutLast(reference, ":"); !strings.Contains(found, "/") {
		repository, tag = name, found
	}
	p := Program{Name: "ffmpeg", Version: tag, PURL: OCI(repository, tag, digest), Digest: digest}
	if repository == "docker.io/mwader/static-ffmpeg" {
		p.License, p.Source = License, "https://github.com/wader/static-ffmpeg/tree/"+tag
	}
	return p
}

// OCI returns the package URL of an image.
// https://github.com/package-url/purl-spec/blob/main/types-doc/oci-definition.md
func OCI(repository, tag, digest string) string {
	_, name := cutLast(repository, "/")
	text := "pkg:oci/" + strings.ToLower(name)
	if digest != "" {
		text += "@" + url.QueryEscape(digest)
	}
	text += "?repository_url=" + url.QueryEscape(repository)
	if tag != "" {
		text += "&tag=" + url.QueryEscape(tag)
	}
	return text
}

// cutLast cuts text around the last sep; without one, all is after.
func cutLast(text, sep string) (before, after string) {
	if at := strings.LastIndex(text, sep); at >= 0 {
		return text[:at], text[at+len(sep):]
	}
	return "", text
}
