// Package licence holds what goes with ffmpeg wherever it goes: the texts of its
// licences, and where its source is. The GPL asks for both beside the programs.
// https://ffmpeg.org/legal.html
package licence

import (
	"cmp"
	"embed"
	"io/fs"
	"path"
	"slices"

	"lambdas.internal/ci/tool/image/layer"
)

// Dir is where the files are in an image, without the leading slash.
const Dir = "usr/local/share/licenses/ffmpeg"

// The names of files that are not licence texts.
const (
	Source   = "SOURCE"        // where the source of each kind of build is
	Build    = "BUILD"         // which build this is
	Versions = "versions.json" // versions of the libraries, from an image that has them
)

// texts are the files that are the same for every build. The Dockerfiles copy them
// too.
//
//go:embed files
var texts embed.FS

// Texts returns the files that are the same for every build, by name.
func Texts() map[string]string {
	entries, err := texts.ReadDir("files")
	if err != nil {
		panic(err) // it is embedded
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

// Files returns what goes into the layer of the build that comment names.
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
