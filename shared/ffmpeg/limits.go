package ffmpeg

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"

	"lambdas.internal/shared/fault"
)

// limits bound what a program may take.
type limits struct {
	// memory in bytes that it may allocate, thread stacks included.
	memory int64
	// output in bytes that a file it writes may have.
	output int64
	// report in bytes that it may write to its standard output.
	report int64
	// probe is the time that ffprobe may take.
	probe time.Duration
}

const (
	// memoryVariable has the megabytes of a function (Lambda developer guide,
	// "Defined runtime environment variables").
	memoryVariable = "AWS_LAMBDA_FUNCTION_MEMORY_SIZE"
	// elsewhere is the memory in megabytes where the variable is not set.
	elsewhere = 2048
	// ownMemory in megabytes is what the function itself needs beside the program.
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
		output: 480 << 20, // beside an original as large in a /tmp of 1 GB
		report: 4 << 20,
		probe:  30 * time.Second,
	}
}

// pixelLimit is far above what cameras make, and keeps a picture's size within what
// the programs and we can calculate with. Decoders refuse more, whatever the
// container says that the size is.
const pixelLimit = 150_000_000

const (
	// programMemory in bytes is what a program needs before the first frame.
	programMemory = 48 << 20
	// videoFrames is the least number of frames that a decoder, the filters and the
	// encoder hold at a time: with fewer no video comes through.
	videoFrames = 4
)

// CheckSize returns a fault.InvalidInput when decoding the media would take more
// memory than the function has. What it lets through and needs more all the same ends
// Run with such a fault.
func (t *Tools) CheckSize(m Media) error {
	what, frames := "picture", int64(1)
	if !m.Still() {
		what, frames = "video", videoFrames
	}
	pixels := int64(m.Width) * int64(m.Height)
	if pixels > pixelLimit {
		return tooManyPixels(strconv.Itoa(m.Width), strconv.Itoa(m.Height))
	}
	need := programMemory + frames*int64(float64(pixels)*bytesPerPixel(m.PixelFormat))
	if need > t.limits.memory {
		return fault.New(fault.InvalidInput, "%d x %d pixels of %s take %d MB of memory, and the limit is %d MB; make the %s smaller",
			m.Width, m.Height, m.PixelFormat, need>>20, t.limits.memory>>20, what)
	}
	return nil
}

func tooManyPixels(width, height string) error {
	return fault.New(fault.InvalidInput, "%s x %s pixels are more than the limit of %d million; make the picture smaller", width, height, pixelLimit/1_000_000)
}

// samples are how many numbers a pixel has, by the start of the pixel format's name
// (libavutil/pixdesc.c), longer names first.
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

// depth finds the bits of a number that has more than 8.
var depth = regexp.MustCompile(`[yabrp]0?(9|10|12|14|16|f32|48|64)(?:le|be)?$`)

// bytesPerPixel of a decoded picture; of an unknown format the most that there is.
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

// outOfMemory finds what ffmpeg and its libraries say when memory was refused
// (libavutil/error.c; x264's common/base.c; C++), and noThread what a program that
// failed says when it was the stack of a thread.
var (
	outOfMemory = regexp.MustCompile(`Cannot allocate memory|malloc of size \d+ failed|bad_alloc`)
	noThread    = regexp.MustCompile(`Resource temporarily unavailable`)
)

func (l limits) tooMuchMemory() error {
	return fault.New(fault.InvalidInput, "to decode the file takes more than the limit of %d MB of memory; make the picture or video smaller", l.memory>>20)
}

func (l limits) tooMuchOutput() error {
	return fault.New(fault.InvalidInput, "what is made of the file has more than the limit of %d MB; use a shorter video", l.output>>20)
}

// wrongSize finds the size that a decoder refused (libavutil/imgutils.c, av_image_check_size2).
var wrongSize = regexp.MustCompile(`Picture size (\d+)x(\d+) (?:is invalid|exceeds)`)

// fileTooLarge is what a program says of its output when it outlives SIGXFSZ (errno EFBIG).
const fileTooLarge = "File too large"
