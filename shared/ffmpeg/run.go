package ffmpeg

import (
	"bufio"
	"cmp"
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
	// Within is the longest time that the run may take; with 0 only the context limits it.
	Within time.Duration
	// Progress, when set, is called with the position in the output about twice a
	// second and at the end. It must not block for long: ffmpeg waits for it.
	Progress func(position time.Duration)
}

// Run carries out the job. If ffmpeg rejects the input, the error is a fault.InvalidInput.
// If the input needs more memory, time or output
// than the limits allow, it is a fault.InvalidInput that names the limit.
func (t *Tools) Run(ctx context.Context, job Job) error {
	in, err := open(ctx, job.Input)
	if err != nil {
		return err
	}
	args := []string{"-hide_banner", "-nostdin", "-y", "-loglevel", "error"}
	if job.Progress != nil {
		args = append(args, "-progress", "pipe:1", "-nostats")
	}
	threads := t.threads()
	args = append(args, threads...)
	args = append(args, in.options()...)
	args = append(args, job.InputOptions...)
	args = append(args, "-i", in.address)
	args = append(args, threads...)
	args = append(args, job.OutputOptions...)
	args = append(args, job.Output)
	words, err := t.run(ctx, job.Within, t.ffmpeg, args, func(stdout io.Reader) error {
		readProgress(stdout, job.Progress)
		return nil
	})
	if err == nil && outOfMemory.MatchString(words) {
		return t.limits.tooMuchMemory() // ffmpeg went on without the part that it could not decode
	}
	if err != nil {
		return cmp.Or(in.unknown(words), err)
	}
	return nil
}

// threadLimit is how many processors a function of the largest size has (Lambda
// developer guide, "Configure Lambda function memory").
const threadLimit = 6

// threads limits the number of threads on a machine with more processors than a
// function can have: each thread takes memory for a stack, and some for a frame.
func (t *Tools) threads() []string {
	if runtime.NumCPU() <= threadLimit {
		return nil
	}
	return []string{"-threads", strconv.Itoa(threadLimit)}
}

// readProgress calls report for each block of key=value lines that ffmpeg writes.
// out_time_us is in microseconds. ffmpeg 4.1 calls it out_time_ms, but that is in
// microseconds too (fftools/ffmpeg.c, print_report).
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
