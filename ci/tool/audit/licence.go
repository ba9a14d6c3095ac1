package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"slices"

	"lambdas.internal/ci/tool/image/licence"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// CheckLicence fails a public image that has ffmpeg without the texts of its
// licences, or without saying which build it is and where its source is: whoever
// pulls the image is given a copy.
func CheckLicence(f catalog.Function, layers []LayerFacts) Check {
	if f.Registry != catalog.Public {
		return notPublic(f.Image, Licence)
	}
	files := map[string]FileFacts{}
	there := false
	for _, l := range layers {
		maps.Copy(files, l.Files) // an upper layer's file hides that of a lower one
		for _, program := range programs[1:] {
			_, ok := l.Files[program]
			there = there || ok
		}
	}
	if !there {
		c := check(f.Image, Licence, len(layers), fmt.Sprintf("%d layers, no ffmpeg", len(layers)), nil)
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
			findings = append(findings, fmt.Sprintf("the image has ffmpeg, but not /%s; make the ffmpeg layer anew with `ci ffmpeg-layer`", at))
		case found.SHA256 != hex.EncodeToString(sum[:]):
			findings = append(findings, fmt.Sprintf("/%s is not the text that goes with ffmpeg; make the ffmpeg layer anew with `ci ffmpeg-layer`", at))
		}
	}
	if build := path.Join(licence.Dir, licence.Build); files[build].Size == 0 {
		findings = append(findings, fmt.Sprintf("/%s does not say which build of ffmpeg it is; make the ffmpeg layer anew with `ci ffmpeg-layer`", build))
	}
	return check(f.Image, Licence, len(texts), fmt.Sprintf("%d files of /%s", len(texts)+1, licence.Dir), findings)
}
