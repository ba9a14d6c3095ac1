// Package ffmpeg runs the static ffmpeg and ffprobe of the heavy images.
//
// It is the gate for them: an image carries ffmpeg if and only if its binary
// reaches this package.
package ffmpeg

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/settings"
)

// Variables that name the programs when they are not on PATH.
const (
	FFmpegVariable  = "FFMPEG_PATH"
	FFprobeVariable = "FFPROBE_PATH"
)

// demuxers are the containers that input may have. A playlist or a concat script
// is not among them: it could name other files of the machine or addresses of
// the network.
const demuxers = "mov,matroska,webm,avi,mpegts,mpeg,flv,asf,gif,jpeg_pipe,png_pipe,webp_pipe,bmp_pipe,tiff_pipe,mjpeg"

// stopGrace is how long a program may take to die after its context has ended
// before its pipes are closed as well.
const stopGrace = 2 * time.Second

// Tools are the two programs.
type Tools struct{ ffmpeg, ffprobe string }

// New finds the programs at FFMPEG_PATH and FFPROBE_PATH, else on PATH. A missing
// one is a fault.Configuration.
func New() (*Tools, error) {
	ffmpeg, err := find("ffmpeg", FFmpegVariable)
	if err != nil {
		return nil, err
	}
	ffprobe, err := find("ffprobe", FFprobeVariable)
	if err != nil {
		return nil, err
	}
	return &Tools{ffmpeg: ffmpeg, ffprobe: ffprobe}, nil
}

func find(program, variable string) (string, error) {
	path, err := exec.LookPath(settings.Optional(variable, program))
	if err != nil {
		return "", fault.New(fault.Configuration, "%s: %w (set %s to its path)", program, err, variable)
	}
	return path, nil
}

// command prepares a program that dies with its context and whose output goes to
// a bounded buffer.
func command(ctx context.Context, program string, args []string) (*exec.Cmd, *tail) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = stopGrace
	stderr := &tail{limit: stderrLimit}
	cmd.Stderr = stderr
	return cmd, stderr
}

// failure gives the error of a finished program its kind: the context's end, a
// program that could not run, or input that the program rejected.
func failure(ctx context.Context, program string, err error, stderr *tail) error {
	if ctxErr := ctx.Err(); ctxErr != nil {
		return fault.New(fault.DeadlineExceeded, "%s: stopped: %w", program, ctxErr)
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() < 0 { // could not start, or killed by a signal such as the out-of-memory killer's
		return fault.New(fault.Internal, "%s: %w%s", program, err, stderr.suffix())
	}
	return fault.New(fault.InvalidInput, "%s: %w%s", program, err, stderr.suffix())
}

// stderrLimit keeps an error message well below the 256 KB that Lambda allows for
// an asynchronous payload.
const stderrLimit = 2048

// tail keeps the last bytes written to it.
type tail struct {
	limit int
	buf   []byte
}

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.limit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) suffix() string {
	text := strings.TrimSpace(string(t.buf))
	if text == "" {
		return ""
	}
	return fmt.Sprintf(": %s", strings.ToValidUTF8(text, "?"))
}
