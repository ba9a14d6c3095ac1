package ffmpeg

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
)

func TestReadProgress(t *testing.T) {
	for name, test := range map[string]struct {
		output string
		want   []time.Duration
	}{
		"ffmpeg 4.1":   {"frame=1\nout_time_ms=500000\nprogress=continue\nout_time_ms=1000000\nprogress=end\n", []time.Duration{500 * time.Millisecond, time.Second}},
		"ffmpeg 7":     {"out_time_us=500000\nout_time_ms=500000\nprogress=end\n", []time.Duration{500 * time.Millisecond}},
		"not yet":      {"out_time_us=N/A\nprogress=continue\n", []time.Duration{0}},
		"negative":     {"out_time_us=-100\nprogress=continue\n", []time.Duration{0}},
		"nothing":      {"", nil},
		"endless line": {strings.Repeat("x", 1<<20), nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []time.Duration
			readProgress(strings.NewReader(test.output), func(position time.Duration) { got = append(got, position) })
			assert.Equal(t, test.want, got)
		})
	}
}

// script writes a program with the given shell lines and returns its path.
func script(t *testing.T, lines string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "program")
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+lines+"\n"), 0o700))
	return path
}

// anyPicture returns a file that looks like a picture.
func anyPicture(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in")
	require.NoError(t, os.WriteFile(path, []byte("\xff\xd8\xff"), 0o600))
	return path
}

// The ffprobe of the offline images reads AVIF, and their ffmpeg does not.
func TestAnOlderFFmpegThanFFprobe(t *testing.T) {
	picture := filepath.Join(t.TempDir(), "original")
	require.NoError(t, os.WriteFile(picture, append([]byte("\x00\x00\x00\x1cftypavif\x00\x00\x00\x00avifmif1"), make([]byte, 100)...), 0o600))
	tools := &Tools{ffmpeg: script(t, "echo '[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5c5b240] moov atom not found' >&2; exit 1"), limits: newLimits()}
	err := tools.Run(t.Context(), Job{Input: picture, Output: "out"})
	assert.Equal(t, fault.InvalidInput, fault.KindOf(err))
	require.EqualError(t, err, "AVIF pictures are not supported by the version of ffmpeg here, or the file is not complete; convert the picture to JPEG")
}

func TestRunTellsWhatWentWrong(t *testing.T) {
	for name, test := range map[string]struct {
		lines string
		kind  fault.Kind
		says  string
	}{
		"rejected":                   {"echo broken header >&2; exit 1", fault.InvalidInput, "the file is damaged or not complete; send it again"},
		"killed":                     {"kill -9 $$", fault.Internal, "signal: killed"},
		"crashed":                    {"kill -SEGV $$", fault.InvalidInput, "the file is damaged, of a kind that this version does not read, or needs more than the limit of 1984 MB of memory; convert it"},
		"aborted by a library":       {"kill -ABRT $$", fault.InvalidInput, "the file is damaged, of a kind that this version does not read, or needs more than the limit of 1984 MB of memory; convert it"},
		"no memory":                  {"echo 'get_buffer: Cannot allocate memory' >&2; exit 69", fault.InvalidInput, "takes more than the limit of"},
		"no memory, but status 0":    {"echo 'x264 [error]: malloc of size 99 failed' >&2; exit 0", fault.InvalidInput, "takes more than the limit of"},
		"rejected without a word":    {"exit 1", fault.InvalidInput, "the file is damaged, or needs more than the limit of 1984 MB of memory"},
		"no memory, and it waits":    {"echo 'Decoding error: Cannot allocate memory' >&2; exec sleep 60", fault.InvalidInput, "takes more than the limit of"},
		"size refused":               {"echo '[h264] Picture size 16000x16000 exceeds specified max pixel count 1, see' >&2; exit 1", fault.InvalidInput, "16000 x 16000 pixels are more than the limit of 150 million"},
		"message without the codecs": {"echo \"[ape] Codec (ape) not on whitelist 'a,b'\" >&2; echo broken >&2; exit 1", fault.InvalidInput, "the file is damaged or not complete"},
		"out of time":                {"exec sleep 60", fault.DeadlineExceeded, "deadline"},
	} {
		for _, progress := range []func(time.Duration){nil, func(time.Duration) {}} {
			t.Run(fmt.Sprint(name, progress != nil), func(t *testing.T) {
				ctx := t.Context()
				if test.kind == fault.DeadlineExceeded {
					var cancel func()
					ctx, cancel = context.WithTimeout(ctx, 50*time.Millisecond)
					defer cancel()
				}
				tools := &Tools{ffmpeg: script(t, test.lines), limits: newLimits()}
				err := tools.Run(ctx, Job{Input: anyPicture(t), Output: "out", Progress: progress})
				assert.Equal(t, test.kind, fault.KindOf(err), err)
				assert.ErrorContains(t, err, test.says)
			})
		}
	}
}

func TestRunStopsAtItsTimeLimit(t *testing.T) {
	tools := &Tools{ffmpeg: script(t, "exec sleep 60"), limits: newLimits()}
	err := tools.Run(t.Context(), Job{Input: anyPicture(t), Output: "out", Within: 50 * time.Millisecond})
	assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
	assert.ErrorContains(t, err, "takes longer than the limit of 50ms")
}

func TestMemoryLimitFollowsTheFunction(t *testing.T) {
	for name, test := range map[string]struct {
		variable string
		want     int64
	}{
		"not in Lambda": {"", 1984 << 20},
		"function":      {"1024", 960 << 20},
		"smallest":      {"128", 64 << 20},
		"no number":     {"much", 1984 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(memoryVariable, test.variable)
			assert.Equal(t, test.want, newLimits().memory)
		})
	}
}

func TestBytesPerPixel(t *testing.T) {
	for format, want := range map[string]float64{
		"yuv420p": 1.5, "yuvj420p": 1.5, "yuv420p10le": 3, "yuv444p": 3, "yuva420p": 2.5, "gray": 1, "gray16be": 2, "ya8": 2, "ya16be": 4, "pal8": 1,
		"rgb24": 3, "rgb48be": 6, "rgba": 4, "rgba64be": 8, "gbrp": 3, "gbrp12le": 6, "gbrpf32le": 12, "gbrap": 4, "p010le": 3, "nv12": 1.5, "": 8, "bayer_rggb8": 8,
	} {
		assert.InDelta(t, want, bytesPerPixel(format), 0, format)
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	kept := &tail{limit: 10}
	for _, part := range []string{"first ", "second ", "third ", strings.Repeat("x", 30), "the end"} {
		n, err := kept.Write([]byte(part))
		require.NoError(t, err)
		assert.Equal(t, len(part), n)
	}
	assert.Equal(t, ": xxxthe end", kept.suffix())
	assert.Empty(t, (&tail{}).suffix())
}
