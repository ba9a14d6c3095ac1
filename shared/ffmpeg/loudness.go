package ffmpeg

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// Silence is the loudness in LUFS of a sound with no part that is loud enough to be
// measured (ITU-R BS.1770-4: the absolute gate is -70 LUFS).
const Silence = -70.0

// Loudness returns the loudness of a file's sound as stereo, in LUFS (EBU R 128). It is
// Silence when no part of 0.4 seconds is louder than that.
func (t *Tools) Loudness(ctx context.Context, in string, m Media, within time.Duration) (float64, error) {
	opened, err := open(ctx, in)
	if err != nil {
		return 0, err
	}
	args := append([]string{"-hide_banner", "-nostdin", "-loglevel", "error"}, opened.options()...)
	args = append(args, "-i", opened.address, "-map", fmt.Sprintf("0:a:%d", m.AudioStream),
		"-af", "aformat=channel_layouts=stereo,ebur128=metadata=1,ametadata=mode=print:key="+loudnessKey+":file=-", "-f", "null", "-")
	loudness := Silence
	_, err = t.run(ctx, within, t.ffmpeg, args, func(stdout io.Reader) error {
		scanner := bufio.NewScanner(stdout)
		for scanner.Scan() { // each line has the loudness of all that came before
			if value, ok := strings.CutPrefix(scanner.Text(), loudnessKey+"="); ok {
				if lufs, err := strconv.ParseFloat(value, 64); err == nil && lufs > Silence { // not NaN
					loudness = lufs
				}
			}
		}
		return scanner.Err()
	})
	return loudness, err
}

// loudnessKey is the name of the filter's result (libavfilter/f_ebur128.c).
const loudnessKey = "lavfi.r128.I"
