package ffmpeg

import (
	"bufio"
	"context"
	"io"
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
	// Progress, when set, is called with the position in the output about twice a
	// second and at the end. It must not block for long: ffmpeg waits for it.
	Progress func(position time.Duration)
}

// Run carries out the job. Input that ffmpeg rejects is a fault.InvalidInput with
// the last lines of ffmpeg's own words.
func (t *Tools) Run(ctx context.Context, job Job) error {
	args := []string{"-hide_banner", "-nostdin", "-y", "-loglevel", "error"}
	if job.Progress != nil {
		args = append(args, "-progress", "pipe:1", "-nostats")
	}
	args = append(args, "-format_whitelist", demuxers, "-protocol_whitelist", "file")
	args = append(args, job.InputOptions...)
	args = append(args, "-i", "file:"+job.Input)
	args = append(args, job.OutputOptions...)
	args = append(args, job.Output)
	cmd, stderr := command(ctx, t.ffmpeg, args)
	if job.Progress == nil {
		if err := cmd.Run(); err != nil {
			return failure(ctx, "ffmpeg", err, stderr)
		}
		return nil
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return failure(ctx, "ffmpeg", err, stderr)
	}
	if err := cmd.Start(); err != nil {
		return failure(ctx, "ffmpeg", err, stderr)
	}
	readProgress(stdout, job.Progress)
	if err := cmd.Wait(); err != nil {
		return failure(ctx, "ffmpeg", err, stderr)
	}
	return nil
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
			report(position)
		}
	}
	_, _ = io.Copy(io.Discard, r) // an overlong line ends the scan; ffmpeg must not block on a full pipe
}
