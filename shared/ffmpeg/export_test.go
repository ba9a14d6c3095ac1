package ffmpeg

import "time"

// Accepted are the codecs that input may have.
func Accepted() map[string][]string { return decoders }

// Bound sets how many bytes ffmpeg may write to a file, and ffprobe to its report.
func (t *Tools) Bound(output, report int64) { t.limits.output, t.limits.report = output, report }

// BoundProbe sets the time that ffprobe may take.
func (t *Tools) BoundProbe(limit time.Duration) { t.limits.probe = limit }
