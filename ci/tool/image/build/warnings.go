package build

import (
	"fmt"
	"strings"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Warnings returns one line for each part that is not the one in the lock file. A zero
// choice means that the part was not needed.
func (b *Builder) Warnings(baseFrom, ffmpegFrom pin.Choice) []string {
	var warnings, instead []string
	reason := ""
	for _, part := range []struct {
		choice pin.Choice
		locked lock.Image
		static string
	}{
		{baseFrom, b.Lock.Base, "the static base"},
		{ffmpegFrom, b.Lock.FFmpeg, "the static ffmpeg from the npm registry"},
	} {
		switch c := part.choice; {
		case c.Pin == image.Offline && c.Reason != "":
			instead, reason = append(instead, part.static), c.Reason
		case c.Pin == image.Unpinned && part.locked.Digest == "" && c.Name == part.locked.Reference:
			warnings = append(warnings, fmt.Sprintf("%s has no digest in %s yet; publish accepts these images only on localhost until you run `bin/ci lock`", c.Name, lock.File))
		case c.Pin == image.Unpinned:
			warnings = append(warnings, fmt.Sprintf("%s is not the image that %s pins; publish accepts these images only on localhost", c.Name, lock.File))
		}
	}
	if len(instead) > 0 {
		warnings = append(warnings, fmt.Sprintf("no registry can be reached, so the build uses %s; these images are labelled offline; publish accepts them only on localhost (%s)",
			strings.Join(instead, " and "), reason))
	}
	return warnings
}
