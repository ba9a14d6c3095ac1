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

	"lambdas.internal/ci/tool/image/layer"
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
