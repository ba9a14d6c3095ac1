package ffmpeg

import "time"

// Accepted are the codecs that input may have.
func Accepted() map[string][]string { return decoders }

// Bound gives the tools other limits of what ffmpeg and ffprobe may write, in bytes.
func (t *Tools) Bound(output, report int64) { t.limits.output, t.limits.report = output, report }

// BoundProbe gives ffprobe another limit of time.
func (t *Tools) BoundProbe(limit time.Duration) { t.limits.probe = limit }
