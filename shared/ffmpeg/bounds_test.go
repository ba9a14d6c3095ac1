package ffmpeg_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/ffmpeg"
	"lambdas.internal/shared/mediatest"
)

// small are the options that scale a picture down, as the functions do.
var small = []string{"-vf", "scale=64:64", "-frames:v", "1", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-f", "mjpeg"}

// refuses processes a file as a function does, and checks that the error is the file's fault.
func refuses(t *testing.T, tools *ffmpeg.Tools, file string) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	media, err := tools.Probe(ctx, file)
	if err == nil {
		err = tools.CheckSize(media)
	}
	if err == nil {
		options := small
		if !media.Still() {
			options = []string{"-c:v", "libx264", "-f", "mp4"}
		}
		err = tools.Run(ctx, ffmpeg.Job{Input: file, Output: filepath.Join(t.TempDir(), "out"), OutputOptions: options})
	}
	assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
	return err
}

func still(size string, more ...string) []string {
	return append([]string{"-f", "lavfi", "-i", "color=gray:size=" + size, "-frames:v", "1"}, more...)
}

// claims returns a JPEG whose header gives a wrong size (ITU-T T.81, B.2.2). A long
// comment keeps ffmpeg from refusing the file as too short.
func claims(t *testing.T, width, height uint16) []byte {
	t.Helper()
	data := mediatest.JPEG(t, mediatest.Quarters(64, 64))
	frame := bytes.Index(data, []byte{0xff, 0xc0})
	binary.BigEndian.PutUint16(data[frame+5:], height)
	binary.BigEndian.PutUint16(data[frame+7:], width)
	comment := append([]byte{0xff, 0xfe, 0xff, 0xff}, make([]byte, 0xffff-2)...)
	return slices.Concat(data[:frame], bytes.Repeat(comment, 20), data[frame:])
}

func clip(size string) []string {
	return []string{"-f", "lavfi", "-i", "testsrc2=size=" + size + ":rate=25:duration=0.8", "-c:v", "libx264", "-preset", "ultrafast", "-refs", "16", "-bf", "3", "-pix_fmt", "yuv420p"}
}

func TestTooLargeForTheFunction(t *testing.T) {
	huge := mediatest.HugePNG(t, 12200, 12200)
	for name, test := range map[string]struct {
		memory string
		data   func() []byte
		says   string
	}{
		"PNG of 16 bits": {"1024", func() []byte { return huge },
			"12200 x 12200 pixels of rgba64be take 1183 MB of memory, and the limit is 960 MB; make the picture smaller"},
		"JPEG": {"128", func() []byte {
			return mediatest.Read(t, mediatest.Make(t, "a.jpg", still("4000x3000", "-pix_fmt", "yuvj444p")...))
		}, "4000 x 3000 pixels of yuvj444p take 82 MB of memory, and the limit is 64 MB; make the picture smaller"},
		"JPEG of too many pixels":     {"10240", func() []byte { return claims(t, 18000, 9000) }, "18000 x 9000 pixels are more than the limit of 150 million, or 200 million for a JPEG; make the picture smaller"},
		"JPEG that no ffmpeg accepts": {"10240", func() []byte { return claims(t, 20000, 14000) }, "20000 x 14000 pixels are more than the limit of 150 million, or 200 million for a JPEG; make the picture smaller"},
		"WebP": {"128", func() []byte {
			return mediatest.Read(t, mediatest.Make(t, "a.webp", still("4000x4000", "-pix_fmt", "yuv420p")...))
		}, "4000 x 4000 pixels of yuv420p take 70 MB of memory"},
		"GIF": {"128", func() []byte { return mediatest.Read(t, mediatest.Make(t, "a.gif", still("3000x3000")...)) }, "3000 x 3000 pixels of"},
		"video": {"128", func() []byte { return mediatest.Read(t, mediatest.Make(t, "a.mp4", clip("2560x1440")...)) },
			"2560 x 1440 pixels of yuv420p take 69 MB of memory, and the limit is 64 MB; make the video smaller"},
		"video whose frames are held": {"128", func() []byte { return mediatest.Read(t, mediatest.Make(t, "a.mp4", clip("1920x1080")...)) },
			"takes more than the limit of 64 MB of memory"},
	} {
		t.Run(name, func(t *testing.T) {
			file := mediatest.Write(t, "original", test.data())
			mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
				t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", test.memory)
				assert.ErrorContains(t, refuses(t, mediatest.Tools(t), file), test.says)
			})
		})
	}
}

// The limits apply even when nothing called CheckSize before.
func TestMemoryIsBounded(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux limits the memory of a running program")
	}
	file := mediatest.Write(t, "original", mediatest.HugePNG(t, 3000, 3000))
	mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
		for memory, kind := range map[string]fault.Kind{"128": fault.InvalidInput, "1024": ""} {
			t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory)
			err := mediatest.Tools(t).Run(t.Context(), ffmpeg.Job{Input: file, Output: filepath.Join(t.TempDir(), "out"), OutputOptions: small})
			assert.Equal(t, kind, fault.KindOf(err), "%s MB: %v", memory, err)
			if kind != "" {
				assert.EqualError(t, err, "decoding the file takes more than the limit of 64 MB of memory; make the picture or video smaller")
			}
		}
	})
}

// peak returns the most memory in MB that ffmpeg was measured to use while work ran.
func peak(t *testing.T, work func()) (megabytes int) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux tells in /proc what a program uses")
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		work()
	}()
	for {
		select {
		case <-done:
			return megabytes
		case <-time.After(10 * time.Millisecond):
		}
		statuses, err := filepath.Glob("/proc/[0-9]*/status")
		require.NoError(t, err)
		for _, path := range statuses {
			status, err := os.ReadFile(path)
			if err != nil || !strings.Contains(string(status), fmt.Sprintf("\nPPid:\t%d\n", os.Getpid())) {
				continue // it ended, or this test did not start it
			}
			var resident int
			_, rest, _ := strings.Cut(string(status), "\nVmRSS:")
			_, _ = fmt.Sscan(rest, &resident) // a process that ends has no number
			megabytes = max(megabytes, resident/1024)
		}
	}
}

func TestPackedTextIsBounded(t *testing.T) {
	file := mediatest.Write(t, "original", mediatest.WithText(t, mediatest.HugePNG(t, 64, 64), 600<<20))
	mediatest.Each(t, func(t *testing.T, _ *ffmpeg.Tools) {
		t.Setenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
		tools := mediatest.Tools(t)
		var err error
		most := peak(t, func() {
			err = tools.Run(t.Context(), ffmpeg.Job{Input: file, Output: filepath.Join(t.TempDir(), "out"), OutputOptions: small})
		})
		assert.Contains(t, []fault.Kind{"", fault.InvalidInput}, fault.KindOf(err), err)
		assert.Less(t, most, 256)
		assert.Positive(t, most)
	})
}

func TestOutputIsBounded(t *testing.T) {
	file := mediatest.Make(t, "a.mp4", "-f", "lavfi", "-i", "testsrc2=size=640x360:rate=25:duration=2", "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p")
	for name, options := range map[string][]string{
		"large":   {"-c:v", "rawvideo", "-f", "matroska"},
		"endless": {"-filter_complex", "[0:v]loop=loop=-1:size=50", "-c:v", "mjpeg", "-f", "mjpeg"},
	} {
		t.Run(name, func(t *testing.T) {
			mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
				const limit = 1 << 20
				tools.Bound(limit, limit)
				out := filepath.Join(t.TempDir(), "out")
				ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
				defer cancel()
				err := tools.Run(ctx, ffmpeg.Job{Input: file, Output: out, OutputOptions: options})
				assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
				require.EqualError(t, err, "the result is larger than the limit of 1 MB; use a shorter video")
				info, err := os.Stat(out)
				require.NoError(t, err)
				assert.LessOrEqual(t, info.Size(), int64(limit))
			})
		})
	}
}

func TestReportIsBounded(t *testing.T) {
	title := strings.Repeat("x", 100_000)
	file := mediatest.Make(t, "a.mkv", video("-c:v", "libx264", "-metadata", "title="+title)...)
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		_, err := tools.Probe(t.Context(), file)
		require.NoError(t, err)
		tools.Bound(1<<30, 1<<10)
		_, err = tools.Probe(t.Context(), file)
		assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
		assert.ErrorContains(t, err, "metadata is larger than the limit")
	})
}

func TestTimeIsBounded(t *testing.T) {
	file := mediatest.Make(t, "a.gif", "-f", "lavfi", "-i", "testsrc2=size=1600x1200:rate=50:duration=1")
	mediatest.Each(t, func(t *testing.T, tools *ffmpeg.Tools) {
		start := time.Now()
		err := tools.Run(t.Context(), ffmpeg.Job{
			Input: file, Within: 300 * time.Millisecond, Output: filepath.Join(t.TempDir(), "out"),
			InputOptions: []string{"-ignore_loop", "0"}, OutputOptions: []string{"-c:v", "libx264", "-f", "mp4"},
		})
		assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
		require.EqualError(t, err, "processing the file takes longer than the limit of 300ms; use a smaller picture or a shorter video")
		assert.Less(t, time.Since(start), 10*time.Second)

		tools.BoundProbe(time.Nanosecond)
		_, err = tools.Probe(t.Context(), file)
		assert.Equal(t, fault.InvalidInput, fault.KindOf(err), err)
	})
}
