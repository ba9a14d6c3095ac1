package ffmpeg

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lambdas.internal/shared/fault"
)

// limits are what a program may use.
type limits struct {
	// memory is how many bytes it may allocate, thread stacks included.
	memory int64
	// output is how many bytes a file that it writes may have.
	output int64
	// report is how many bytes it may write to its standard output.
	report int64
	// probe is the time that ffprobe may take.
	probe time.Duration
}

const (
	// memoryVariable holds the function's memory in megabytes (Lambda developer guide,
	// "Defined runtime environment variables").
	memoryVariable = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
	// elsewhere is the memory in megabytes that is assumed outside Lambda.
	elsewhere = 2048
	// ownMemory is what the function itself needs, in megabytes.
	ownMemory = 64
)

// newLimits reads how much memory the function has.
func newLimits() limits {
	megabytes, err := strconv.ParseInt(os.Getenv(memoryVariable), 10, 64)
	if err != nil || megabytes < 2*ownMemory {
		megabytes = elsewhere
	}
	return limits{
		memory: (megabytes - ownMemory) << 20,
		output: 480 << 20, // a larger original is not in /tmp, which has 512 MB by default
		report: 4 << 20,
		probe:  30 * time.Second,
	}
}

const (
	// pixelLimit is how many pixels are decoded at most, low enough that no calculation with
	// the size overflows. Decoders refuse a larger picture even if the container gives a
	// smaller size.
	pixelLimit = 150_000_000
	// jpegLimit is how many pixels a JPEG may have that is reduced. Telephones make pictures
	// of 16320 x 12240. ffmpeg itself refuses more, if the picture is high and narrow
	// (libavutil/imgutils.c, av_image_check_size2).
	jpegLimit = 200_000_000
)

const (
	// programMemory in bytes is what a program needs before the first frame.
	programMemory = 48 << 20
	// videoFrames is the smallest number of frames that the decoder, the filters and the
	// encoder together hold at a time.
	videoFrames = 4
	// tiledPixel in bytes is what a pixel takes when a picture is put together from tiles:
	// each tile has a decoder. Measured with 12 and 48 million pixels.
	tiledPixel = 17
)

// CheckSize returns a fault.InvalidInput when decoding the media would take more memory
// than the function has. It is an estimate: if the media needs more memory than that, Run
// returns the same kind of fault.
func (t *Tools) CheckSize(m Media) error {
	what, frames := "picture", int64(1)
	if !m.Still() {
		what, frames = "video", videoFrames
	}
	pixels, samples := m.decoded(), bytesPerPixel(m.PixelFormat)
	if pixels > pixelLimit {
		return tooManyPixels(strconv.Itoa(m.Width), strconv.Itoa(m.Height))
	}
	need := programMemory + frames*int64(float64(pixels)*samples)
	if m.profile == progressive && m.Container == jpeg {
		need += int64(float64(m.Width) * float64(m.Height) * samples * coefficient)
	}
	if m.Tiles != nil {
		need = programMemory + pixels*tiledPixel
	}
	if need > t.limits.memory {
		return fault.New(fault.InvalidInput, "%d x %d pixels of %s take %d MB of memory, and the limit is %d MB; make the %s smaller",
			m.Width, m.Height, m.PixelFormat, need>>20, t.limits.memory>>20, what)
	}
	return nil
}

func tooManyPixels(width, height string) error {
	return fault.New(fault.InvalidInput, "%s x %s pixels are more than the limit of %d million, or %d million for a JPEG; make the picture smaller",
		width, height, pixelLimit/1_000_000, jpegLimit/1_000_000)
}

// samples says how many numbers a pixel has, by the start of the pixel format's name
// (libavutil/pixdesc.c). Longer names come first.
var samples = []struct {
	start  string
	number float64
}{
	{"yuva444", 4}, {"yuva422", 3}, {"yuva420", 2.5},
	{"yuv444", 3}, {"yuvj444", 3}, {"yuv422", 2}, {"yuvj422", 2}, {"yuyv422", 2}, {"uyvy422", 2}, {"yuv440", 2}, {"yuvj440", 2},
	{"yuv420", 1.5}, {"yuvj420", 1.5}, {"yuv411", 1.5}, {"yuvj411", 1.5}, {"yuv410", 1.125}, {"nv12", 1.5}, {"nv21", 1.5}, {"p010", 1.5},
	{"gbrap", 4}, {"gbrp", 3}, {"rgba", 4}, {"bgra", 4}, {"argb", 4}, {"abgr", 4}, {"rgb0", 4}, {"bgr0", 4}, {"0rgb", 4}, {"0bgr", 4},
	{"rgb48", 3}, {"bgr48", 3}, {"rgb24", 3}, {"bgr24", 3}, {"gray", 1}, {"ya", 2}, {"pal8", 1}, {"mono", 1},
}

// depth finds the number of bits in the name of a format with more than 8 bits a number.
var depth = regexp.MustCompile(`[yabrp]0?(9|10|12|14|16|f32|48|64)(?:le|be)?$`)

// bytesPerPixel returns the size of a decoded pixel; for an unknown format, 8.
func bytesPerPixel(format string) float64 {
	for _, s := range samples {
		if !strings.HasPrefix(format, s.start) {
			continue
		}
		match := depth.FindStringSubmatch(format)
		switch {
		case match == nil:
			return s.number
		case match[1] == "f32":
			return 4 * s.number
		default:
			return 2 * s.number
		}
	}
	return 8
}

// outOfMemory matches the messages of ffmpeg and its libraries when they get no memory
// (libavutil/error.c; x264's common/base.c; C++). noThread matches the message of a
// program that failed because it got no memory for the stack of a thread.
var (
	outOfMemory = regexp.MustCompile(`Cannot allocate memory|malloc of size \d+ failed|bad_alloc`)
	noThread    = regexp.MustCompile(`Resource temporarily unavailable`)
)

func (l limits) tooMuchMemory() error {
	return fault.New(fault.InvalidInput, "decoding the file takes more than the limit of %d MB of memory; make the picture or video smaller", l.memory>>20)
}

func (l limits) tooMuchOutput() error {
	return fault.New(fault.InvalidInput, "the result is larger than the limit of %d MB; use a shorter video", l.output>>20)
}

// wrongSize finds the size that a decoder refused (libavutil/imgutils.c, av_image_check_size2).
var wrongSize = regexp.MustCompile(`Picture size (\d+)x(\d+) (?:is invalid|exceeds)`)

// fileTooLarge is the message of a program that ignores SIGXFSZ when its output is too
// large (errno EFBIG).
const fileTooLarge = "File too large"
