package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"

	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// CheckLicence fails a public image that has ffmpeg without the texts of its licences, the
// name of the build and where its source is: who pulls the image receives a copy, and the
// licences require these files.
func CheckLicence(f catalog.Function, layers []LayerFacts) Check {
	if f.Registry != catalog.Public {
		return notPublic(f.Image, Licence)
	}
	files := map[string]FileFacts{}
	for _, l := range layers {
		maps.Copy(files, l.Files) // a file in a higher layer replaces the one in a lower layer
	}
	if ffmpegIn(layers) == "" {
		c := check(f.Image, Licence, len(layers), report.Count(len(layers), "layer")+", no ffmpeg", nil)
		c.Applies = false
		return c
	}
	var findings []string
	texts := licence.Texts()
	for _, name := range slices.Sorted(maps.Keys(texts)) {
		at := path.Join(licence.Dir, name)
		sum := sha256.Sum256([]byte(texts[name]))
		switch found, ok := files[at]; {
		case !ok:
			findings = append(findings, fmt.Sprintf("the image has ffmpeg, but not /%s; make the ffmpeg layer again with `bin/ci ffmpeg-layer`", at))
		case found.SHA256 != hex.EncodeToString(sum[:]):
			findings = append(findings, fmt.Sprintf("/%s is not the licence text of ffmpeg; make the ffmpeg layer again with `bin/ci ffmpeg-layer`", at))
		}
	}
	if build := path.Join(licence.Dir, licence.Build); files[build].Size == 0 {
		findings = append(findings, fmt.Sprintf("/%s does not name the build of ffmpeg; make the ffmpeg layer again with `bin/ci ffmpeg-layer`", build))
	}
	return check(f.Image, Licence, len(texts), fmt.Sprintf("%d files in /%s", len(texts)+1, licence.Dir), findings)
}
