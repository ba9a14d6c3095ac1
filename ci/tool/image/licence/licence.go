// Package licence has the files that each image with ffmpeg must contain: the texts of
// its licences, and where its source is. The GPL requires both.
// https://ffmpeg.org/legal.html
package licence

import (
	"cmp"
	"embed"
	"io/fs"
	"path"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/image/purl"
)

// Dir is the folder of the files in an image, without the leading slash.
const Dir = "usr/local/share/licenses/ffmpeg"

// The names of files that are not licence texts.
const (
	Source   = "SOURCE"        // where the source of each build is
	Build    = "BUILD"         // which build this is
	Versions = "versions.json" // versions of the libraries, if the image with ffmpeg has the file
)

// texts are the files that are the same for every build of ffmpeg. The Dockerfiles copy
// them too.
//
//go:embed files
var texts embed.FS

// Texts returns the files that are the same for every build of ffmpeg, by name.
func Texts() map[string]string {
	entries, err := texts.ReadDir("files")
	if err != nil {
		panic(err) // it is embedded, so it exists
	}
	all := map[string]string{}
	for _, e := range entries {
		content, err := fs.ReadFile(texts, path.Join("files", e.Name()))
		if err != nil {
			panic(err)
		}
		all[e.Name()] = string(content)
	}
	return all
}

// Files returns the files for the layer of the build that comment names.
func Files(comment string) []layer.File {
	all := Texts()
	all[Build] = comment + "\n"
	var files []layer.File
	for name, content := range all {
		files = append(files, layer.Text(path.Join(Dir, name), 0o644, content))
	}
	slices.SortFunc(files, func(a, b layer.File) int { return cmp.Compare(a.Path, b.Path) })
	return files
}

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
