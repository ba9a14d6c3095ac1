// Package mediatest makes the photos and videos that tests use.
package mediatest

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/png"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lambdas.internal/shared/awstest"
	"lambdas.internal/shared/ffmpeg"
)

// Tools finds ffmpeg and ffprobe: first at FFMPEG_PATH and FFPROBE_PATH, then the static
// builds that the images carry, then on PATH. It sets both variables for the test. If a
// program is missing, the test fails.
func Tools(t testing.TB) *ffmpeg.Tools {
	t.Helper()
	const modules = ".cache/npm/node_modules/"
	platform := "linux-x64" // as npm names it
	if runtime.GOARCH == "arm64" {
		platform = "linux-arm64"
	}
	locate(t, ffmpeg.FFmpegVariable, "ffmpeg", modules+"@ffmpeg-installer/"+platform+"/ffmpeg")
	locate(t, ffmpeg.FFprobeVariable, "ffprobe", modules+"@ffprobe-installer/"+platform+"/ffprobe")
	tools, err := ffmpeg.New()
	require.NoError(t, err)
	return tools
}

// ModernVariable names the folder with an ffmpeg and ffprobe of version 7 or newer, like
// those in production. If it is not set, the tests use those of make modern-ffmpeg.
const ModernVariable = "CI_TEST_FFMPEG_DIR"

// Each runs a test with the tools that Tools finds, and again with modern tools if there
// are any.
func Each(t *testing.T, test func(t *testing.T, tools *ffmpeg.Tools)) {
	t.Helper()
	t.Run("offline", func(t *testing.T) { test(t, Tools(t)) })
	t.Run("modern", func(t *testing.T) {
		Modern(t)
		test(t, Tools(t))
	})
}

// Modern has the test use the modern tools. It skips the test if there are none, which
// make test says too.
func Modern(t *testing.T) {
	t.Helper()
	for variable, program := range map[string]string{ffmpeg.FFmpegVariable: "ffmpeg", ffmpeg.FFprobeVariable: "ffprobe"} {
		t.Setenv(variable, modern(t, program))
	}
}

func modern(t *testing.T, program string) string {
	t.Helper()
	dir := os.Getenv(ModernVariable)
	if dir == "" {
		dir = filepath.Join(awstest.Root(t), ".cache/modern-ffmpeg/bin")
	}
	path, err := exec.LookPath(filepath.Join(dir, program))
	if err != nil {
		t.Skipf("no modern ffmpeg (%v): run make modern-ffmpeg, or set %s to the folder with ffmpeg and ffprobe 7 or newer", err, ModernVariable)
	}
	return path
}

func locate(t testing.TB, variable, program, path string) {
	t.Helper()
	if os.Getenv(variable) != "" {
		return
	}
	if _, err := os.Stat(filepath.Join(awstest.Root(t), path)); err != nil {
		if found, err := exec.LookPath(program); err == nil {
			t.Setenv(variable, found)
			return
		}
	}
	t.Setenv(variable, awstest.Find(t, variable, path))
}

// Make has ffmpeg write a new file with the given name, and returns its path. The path
// follows args on ffmpeg's command line.
func Make(t testing.TB, name string, args ...string) string {
	t.Helper()
	Tools(t)
	path := filepath.Join(t.TempDir(), name)
	args = append([]string{"-hide_banner", "-nostdin", "-loglevel", "error"}, append(args, path)...)
	output, err := exec.Command(os.Getenv(ffmpeg.FFmpegVariable), args...).CombinedOutput()
	require.NoError(t, err, "ffmpeg %v: %s", args, output)
	return path
}

// Turned returns a copy of an MP4 file that a player turns a quarter clockwise, like the
// clip of a telephone held upright. It writes the matrix into the track's header, because
// versions of ffmpeg differ in how they are told (ISO/IEC 14496-12, 8.3.2).
func Turned(t testing.TB, flat string) string {
	t.Helper()
	data := Read(t, flat)
	header := bytes.Index(data, []byte("tkhd"))
	require.Positive(t, header)
	const matrix = 4 + 40 // after the name; version 0
	for i, v := range []int32{0, 1 << 16, 0, -1 << 16, 0, 0, 0, 0, 1 << 30} {
		binary.BigEndian.PutUint32(data[header+matrix+4*i:], uint32(v))
	}
	return Write(t, "turned.mp4", data)
}

// HDR returns a clip of one second with the brightness curve of HLG, as telephones
// record it.
func HDR(t testing.TB, size string) string {
	t.Helper()
	return Make(t, "hdr.mp4", "-f", "lavfi", "-i", "testsrc2=size="+size+":rate=25:duration=1",
		"-vf", "zscale=tin=bt709:min=bt709:pin=bt709:t=arib-std-b67:m=bt2020nc:p=bt2020,format=yuv420p10le",
		"-c:v", "libx265", "-x265-params", "log-level=error:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc")
}

// Frame returns the first frame of a video, upright as a player shows it.
func Frame(t testing.TB, video string) image.Image {
	t.Helper()
	data := Read(t, Make(t, "frame.png", "-i", video, "-frames:v", "1"))
	img, err := png.Decode(bytes.NewReader(data))
	require.NoError(t, err)
	return img
}

// Stream returns what ffprobe says of a file's first video stream, by field.
func Stream(t testing.TB, path string) map[string]string {
	t.Helper()
	Tools(t)
	output, err := exec.Command(os.Getenv(ffmpeg.FFprobeVariable), "-v", "error", "-select_streams", "v:0", "-show_streams", "-of", "flat=s=/", path).CombinedOutput()
	require.NoError(t, err, "%s", output)
	fields := map[string]string{}
	for line := range strings.Lines(string(output)) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		fields[strings.TrimPrefix(name, "streams/stream/0/")] = strings.Trim(value, `"`)
	}
	return fields
}

// Combs returns how much the lines of a video's sixth frame differ from the lines above
// and below, but not from the lines after these.
func Combs(t testing.TB, video string) (sum float64) {
	t.Helper()
	img, err := png.Decode(bytes.NewReader(Read(t, Make(t, "frame.png", "-i", video, "-vf", "select=eq(n\\,6),format=gray", "-frames:v", "1"))))
	require.NoError(t, err)
	grey, b := img.(*image.Gray), img.Bounds()
	for y := b.Min.Y + 1; y < b.Max.Y-1; y++ {
		for x := b.Min.X; x < b.Max.X; x++ {
			above, here, below := float64(grey.GrayAt(x, y-1).Y), float64(grey.GrayAt(x, y).Y), float64(grey.GrayAt(x, y+1).Y)
			if (here-above)*(here-below) > 400 { // a line apart from both, by 20 of 256
				sum++
			}
		}
	}
	return sum
}

// Loudness returns the loudness of a file's whole sound in LUFS (EBU R 128).
func Loudness(t testing.TB, path string) float64 {
	t.Helper()
	Tools(t)
	output, err := exec.Command(os.Getenv(ffmpeg.FFmpegVariable), "-hide_banner", "-nostdin", "-i", path, "-af", "ebur128", "-f", "null", "-").CombinedOutput()
	require.NoError(t, err, "%s", output)
	summary := output[bytes.LastIndex(output, []byte("Summary:")):]
	match := regexp.MustCompile(`I:\s+(-?[0-9.]+) LUFS`).FindSubmatch(summary)
	require.NotNil(t, match, "%s", summary)
	value, err := strconv.ParseFloat(string(match[1]), 64)
	require.NoError(t, err)
	return value
}

// Read returns the content of a file.
func Read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	return data
}

// Write puts data into a new file with the given name and returns its path.
func Write(t testing.TB, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	require.NoError(t, os.WriteFile(path, data, 0o600))
	return path
}
