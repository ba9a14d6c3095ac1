package build

import (
	"fmt"
	"strings"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/image/pin"
	"lambdas.internal/ci/tool/workspace/lock"
)

// Warnings says, each in one line, what was used instead of what the lock file
// pins. A choice that was not made is the zero value.
func (b *Builder) Warnings(baseFrom, ffmpegFrom pin.Choice) []string {
	var warnings, instead []string
	reason := ""
	for _, part := range []struct {
		choice pin.Choice
		locked lock.Image
		static string
	}{
		{baseFrom, b.Lock.Base, "the static base"},
		{ffmpegFrom, b.Lock.FFmpeg, "the static ffmpeg of the npm registry"},
	} {
		switch c := part.choice; {
		case c.Pin == image.Offline && c.Reason != "":
			instead, reason = append(instead, part.static), c.Reason
		case c.Pin == image.Unpinned && part.locked.Digest == "" && c.Name == part.locked.Reference:
			warnings = append(warnings, fmt.Sprintf("%s has no digest in %s yet: run `ci lock`; until then publish refuses these images", c.Name, lock.File))
		case c.Pin == image.Unpinned:
			warnings = append(warnings, fmt.Sprintf("%s is not what %s pins: publish refuses these images", c.Name, lock.File))
		}
	}
	if len(instead) > 0 {
		warnings = append(warnings, fmt.Sprintf("no registry in reach, using %s; these images are marked offline and publish refuses them (%s)",
			strings.Join(instead, " and "), reason))
	}
	return warnings
}
