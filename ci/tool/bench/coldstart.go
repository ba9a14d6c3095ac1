package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/run/rootfs"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const caseColdStart = "cold start to the first answer"

// coldStarts measures, for every image, the time from the start of its binary to its
// first answer through the Lambda Runtime API. No environment variables are set, so most
// functions answer that one is missing. By then they have loaded all their code, but have
// not called AWS.
func (o options) coldStarts(ctx context.Context, scratch string) (Result, error) {
	c, err := catalog.Load(o.root)
	if err != nil {
		return Result{}, err
	}
	dist := filepath.Join(scratch, "coldstart")
	build := exec.CommandContext(ctx, o.tool, "build-all", "--root", o.root, "--out", dist,
		"--cache", o.downloads, "--base", "static", "--ffmpeg", "static", "--json")
	if out, err := build.CombinedOutput(); err != nil {
		return Result{}, fmt.Errorf("build the images to start: %w\n%s", err, out)
	}
	times := make([]Times, len(c.Functions))
	for i, f := range c.Functions {
		times[i].Subject = f.Image
		root := filepath.Join(scratch, "roots", f.Image)
		if err := rootfs.Unpack(ctx, dist, f.Image, root); err != nil {
			return Result{}, err
		}
		event, err := os.ReadFile(filepath.Join(o.root, f.Folder, "testdata", "event.json"))
		if err != nil {
			return Result{}, fmt.Errorf("read the event of %s: %w", f.Image, err)
		}
		for range o.repeat + 1 {
			took, err := firstAnswer(ctx, f, root, event)
			if err != nil {
				return Result{}, err
			}
			times[i].Seconds = append(times[i].Seconds, took.Seconds())
			times[i].CPU = append(times[i].CPU, 0)
		}
		// The first time includes reading the binary from the disk.
		times[i].Seconds, times[i].CPU = times[i].Seconds[1:], times[i].CPU[1:]
		o.progress(fmt.Sprintf("%s: %s", caseColdStart, f.Image))
	}
	return newResult(caseColdStart, times), nil
}

func firstAnswer(ctx context.Context, f catalog.Function, root string, event []byte) (took time.Duration, err error) {
	start := time.Now()
	function, err := invoke.Start(root, invoke.Options{Name: f.Lambda, Logs: io.Discard})
	if err != nil {
		return 0, err
	}
	_, err = function.Invoke(ctx, event)
	took = time.Since(start)
	if stopped := function.Stop(); err == nil {
		err = stopped
	}
	return took, err
}
