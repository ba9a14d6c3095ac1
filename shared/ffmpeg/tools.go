// Package ffmpeg runs the static ffmpeg and ffprobe programs of the heavy images.
//
// An image is heavy, that is, it carries these programs, if and only if its function's
// binary contains this package. A test in package shared checks this.
package ffmpeg

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"

	"lambdas.internal/shared/fault"
	"lambdas.internal/shared/settings"
)

// Variables with the paths of the programs, for programs that are not on PATH.
const (
	FFmpegVariable  = "FFMPEG_PATH"
	FFprobeVariable = "FFPROBE_PATH"
)

// stopGrace is how long a program may take to end after its context has ended. After
// that, its pipes are closed.
const stopGrace = 2 * time.Second

// Tools are the two programs.
type Tools struct {
	ffmpeg, ffprobe string
	limits          limits
}

// New reads how much memory the function has, and finds the programs at FFMPEG_PATH and
// FFPROBE_PATH, or on PATH if these are not set. If a program is missing, the error is a
// fault.Configuration.
func New() (*Tools, error) {
	ffmpeg, err := find("ffmpeg", FFmpegVariable)
	if err != nil {
		return nil, err
	}
	ffprobe, err := find("ffprobe", FFprobeVariable)
	if err != nil {
		return nil, err
	}
	return &Tools{ffmpeg: ffmpeg, ffprobe: ffprobe, limits: newLimits()}, nil
}

func find(program, variable string) (string, error) {
	path, err := exec.LookPath(settings.Optional(variable, program))
	if err != nil {
		return "", fault.New(fault.Configuration, "%s: %w (set %s to its path)", program, err, variable)
	}
	return path, nil
}

// noModules keeps a static program from loading the modules for character sets that the
// machine has for another version of the C library: it crashes when it does, and a transport
// stream has names in such a set (libavformat/mpegts.c, getstr8). No name is read here.
const noModules = "GCONV_PATH=/var/empty"

// Causes of a context that ended because of one program run.
var (
	errTooLong  = errors.New("the program ran longer than its limit")
	errNoMemory = errors.New("the program got no memory")
)

// run runs a program within the limits. The program is killed when its context ends, and
// after within unless that is 0. The function read gets its standard output; an error of
// read ends the run. Words is the end of its standard error. If the program rejects the
// input, or the input needs more than the limits, the error is a fault.InvalidInput.
func (t *Tools) run(ctx context.Context, within time.Duration, program string, args []string, read func(io.Reader) error) (words string, err error) {
	if within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, within, errTooLong)
		defer cancel()
	}
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	name := filepath.Base(program)
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.WaitDelay = stopGrace
	cmd.Env = append(os.Environ(), "no_proxy=127.0.0.1", noModules) // see loopback
	stderr := &tail{limit: stderrLimit}
	if program == t.ffmpeg { // some versions wait for ever for a thread that got no memory
		stderr.seen = func(words []byte) {
			if outOfMemory.Match(words) {
				stop(errNoMemory)
			}
		}
	}
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return "", fault.New(fault.Internal, "%s: %w", name, err)
	}
	if err := t.limits.start(cmd); err != nil {
		return "", t.failure(ctx, within, name, err, stderr)
	}
	if err := t.limits.apply(cmd.Process.Pid); err != nil {
		stop(nil)
		_ = cmd.Wait() // killed by stop; its error says nothing new
		return "", fault.New(fault.Internal, "%s: limit its memory and output: %w", name, err)
	}
	if err := read(stdout); err != nil {
		stop(nil)
		_ = cmd.Wait() // killed by stop; its error says nothing new
		return "", err
	}
	err = cmd.Wait()
	return string(stderr.buf), t.failure(ctx, within, name, err, stderr)
}

// failure returns the error of a program run with its kind: the context ended, the
// program could not run, or the program rejected the input or needed too much for it.
func (t *Tools) failure(ctx context.Context, within time.Duration, name string, err error, stderr *tail) error {
	if ended := context.Cause(ctx); ended != nil && err != nil {
		if errors.Is(ended, errTooLong) {
			return fault.New(fault.InvalidInput, "processing the file takes longer than the limit of %s; use a smaller picture or a shorter video", within)
		}
		if errors.Is(ended, errNoMemory) {
			return t.limits.tooMuchMemory()
		}
		return fault.New(fault.DeadlineExceeded, "%s: stopped: %w", name, ctx.Err())
	}
	if err == nil {
		return nil
	}
	if outOfMemory.Match(stderr.buf) || noThread.Match(stderr.buf) {
		return t.limits.tooMuchMemory()
	}
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok { // it could not start, or its pipes could not be closed
		return fault.New(fault.Internal, "%s: %w%s", name, err, stderr.suffix())
	}
	if status, ok := exit.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return t.killed(ctx, name, status.Signal(), err, stderr)
	}
	if bytes.Contains(stderr.buf, []byte(fileTooLarge)) {
		return t.limits.tooMuchOutput()
	}
	if size := wrongSize.FindSubmatch(stderr.buf); size != nil {
		return tooManyPixels(string(size[1]), string(size[2]))
	}
	// The caller reads the error, and the words of ffmpeg say little to it.
	slog.InfoContext(ctx, "the file is rejected", "program", name, "error", err.Error(), "words", stderr.text())
	if len(stderr.buf) == 0 { // ffprobe, when a decoder of many gets no memory
		return fault.New(fault.InvalidInput, "the file is damaged, or needs more than the limit of %d MB of memory; convert it to JPEG, or to H.264 in MP4", t.limits.memory>>20)
	}
	return rejected(string(stderr.buf))
}

// noIndex is the message about a video without its index (libavformat/mov.c).
const noIndex = "moov atom not found"

// rejected returns the fault for a file that a program cannot read.
func rejected(words string) error {
	if strings.Contains(words, noIndex) {
		return fault.New(fault.InvalidInput, "the video is not complete: it has no index; send the whole file")
	}
	return fault.New(fault.InvalidInput, "the file is damaged or not complete; send it again, or convert it to JPEG, or to H.264 in MP4")
}

// killed returns the error of a program that a signal ended. It is the input's fault if
// the program crashed, because a retry would crash again. Otherwise the machine ended the
// program, for instance with the out-of-memory killer.
func (t *Tools) killed(ctx context.Context, name string, signal syscall.Signal, err error, stderr *tail) error {
	switch signal {
	case syscall.SIGXFSZ:
		return t.limits.tooMuchOutput()
	case syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGABRT, syscall.SIGFPE, syscall.SIGILL:
		slog.WarnContext(ctx, "the program crashed", "program", name, "error", err.Error(), "words", stderr.text())
		// A library that does not check for missing memory crashes as well.
		return fault.New(fault.InvalidInput, "the program that reads the file crashed: the file is damaged, of a kind that this version does not read, or needs more than the limit of %d MB of memory; convert it to JPEG, or to H.264 in MP4", t.limits.memory>>20)
	default:
		return fault.New(fault.Internal, "%s: %w%s", name, err, stderr.suffix())
	}
}

// stderrLimit in bytes keeps an error message far below the 256 KB that Lambda allows
// for an asynchronous payload.
const stderrLimit = 2048

// offListLine finds a message about a stream with a codec that is not accepted.
var offListLine = regexp.MustCompile(`(?m)^.*not on whitelist '.*\n?(?:\s+Last message repeated.*\n?)?`)

// tail keeps the last bytes written to it.
type tail struct {
	limit int
	buf   []byte
	// seen, when set, is called with what was kept.
	seen func(words []byte)
}

// Write implements io.Writer; it never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.limit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	if t.seen != nil {
		t.seen(t.buf)
	}
	return len(p), nil
}

// text is what was kept, without the messages about codecs that are not accepted.
func (t *tail) text() string {
	return strings.ToValidUTF8(strings.TrimSpace(offListLine.ReplaceAllString(string(t.buf), "")), "?")
}

func (t *tail) suffix() string {
	text := t.text()
	if text == "" {
		return ""
	}
	return ": " + text
}
