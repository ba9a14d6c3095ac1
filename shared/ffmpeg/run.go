package ffmpeg

import (
	"bufio"
	"context"
	"io"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// Job is one run of ffmpeg with one input and one output file.
type Job struct {
	// Input is the path of the file to read.
	Input string
	// InputOptions go before the input, for instance "-ss".
	InputOptions []string
	// OutputOptions go between input and output: filters, codecs.
	OutputOptions []string
	// Output is the path of the file to write; an existing one is replaced.
	Output string
	// Within is the longest that the run may take; 0 for as long as the context lets it.
	Within time.Duration
	// Progress, when set, is called with the position in the output about twice a
	// second and at the end. It must not block for long: ffmpeg waits for it.
	Progress func(position time.Duration)
}

// inputOptions are those of every input, of ffmpeg and ffprobe alike.
var inputOptions = []string{
	"-format_whitelist", demuxers, "-protocol_whitelist", "file", "-codec_whitelist", whitelist,
	"-max_pixels", strconv.Itoa(pixelLimit),
}

// Run carries out the job. Input that ffmpeg rejects is a fault.InvalidInput with
// the last lines of ffmpeg's own words; so is input that needs more memory, time or
// output than there is, in ours.
func (t *Tools) Run(ctx context.Context, job Job) error {
	args := []string{"-hide_banner", "-nostdin", "-y", "-loglevel", "error"}
	if job.Progress != nil {
		args = append(args, "-progress", "pipe:1", "-nostats")
	}
	threads := t.threads()
	args = append(args, threads...)
	args = append(args, inputOptions...)
	args = append(args, job.InputOptions...)
	args = append(args, "-i", "file:"+job.Input)
	args = append(args, threads...)
	args = append(args, job.OutputOptions...)
	args = append(args, job.Output)
	words, err := t.run(ctx, job.Within, t.ffmpeg, args, func(stdout io.Reader) error {
		readProgress(stdout, job.Progress)
		return nil
	})
	if err == nil && outOfMemory.MatchString(words) {
		return t.limits.tooMuchMemory() // it went on, and left out what it could not decode
	}
	return err
}

// threadLimit is how many processors a function of the largest size has (Lambda
// developer guide, "Configure Lambda function memory").
const threadLimit = 6

// threads keeps a machine with more processors from taking memory that a function has
// not: each thread has a stack, and some a frame.
func (t *Tools) threads() []string {
	if runtime.NumCPU() <= threadLimit {
		return nil
	}
	return []string{"-threads", strconv.Itoa(threadLimit)}
}

// readProgress calls report for each block of key=value lines that ffmpeg writes.
// out_time_us is in microseconds; ffmpeg 4.1 has it as out_time_ms, in
// microseconds as well (fftools/ffmpeg.c, print_report).
func readProgress(r io.Reader, report func(time.Duration)) {
	scanner := bufio.NewScanner(r)
	var position time.Duration
	for scanner.Scan() {
		key, value, _ := strings.Cut(scanner.Text(), "=")
		switch key {
		case "out_time_us", "out_time_ms":
			if us, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil && us >= 0 {
				position = time.Duration(us) * time.Microsecond
			}
		case "progress":
			if report != nil {
				report(position)
			}
		}
	}
	_, _ = io.Copy(io.Discard, r) // an overlong line ends the scan; ffmpeg must not block on a full pipe
}
