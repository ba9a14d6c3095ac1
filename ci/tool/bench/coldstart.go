//go:build unix

package main

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/run/rootfs"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

const caseColdStart = "cold start to the first answer"

// started is an image that is started.
type started struct {
	subject string
	root    string // where it is unpacked
	lambda  string
	event   []byte
}

// coldStarts measures the time from the start of a binary to its first answer through the
// Lambda Runtime API: of every image, of ko's image of the same function where ko made one,
// and of a function that does nothing. No environment variables are set, so most functions
// answer that one is missing. By then they have loaded all their code, but have not called
// AWS.
func (o options) coldStarts(ctx context.Context, scratch string) (Result, error) {
	c, err := catalog.Load(o.root)
	if err != nil {
		return Result{}, err
	}
	all, err := o.startable(ctx, c, filepath.Join(scratch, "coldstart"))
	if err != nil {
		return Result{}, fmt.Errorf("unpack the images to start: %w", err)
	}
	times := make([]Times, len(all))
	for n := range o.repeat + 1 {
		for i, s := range all {
			took, err := s.firstAnswer(ctx)
			if err != nil {
				return Result{}, err
			}
			times[i].Subject = s.subject
			if n > 0 { // the first time includes reading the binary from the disk
				times[i].Seconds, times[i].CPU = append(times[i].Seconds, took.Seconds()), append(times[i].CPU, 0)
			}
		}
		o.progress(fmt.Sprintf("%s: %d of %d", caseColdStart, n, o.repeat))
	}
	return newResult(caseColdStart, times), nil
}

// startable unpacks what is started.
func (o options) startable(ctx context.Context, c *catalog.Catalog, dir string) ([]started, error) {
	dist := filepath.Join(dir, "dist")
	build := exec.CommandContext(ctx, o.tool, "build-all", "--root", o.root, "--out", dist,
		"--cache", o.downloads, "--base", "static", "--ffmpeg", "static", "--json")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build them: %w\n%s", err, out)
	}
	hello := started{"hello", filepath.Join(dir, "hello"), "hello", []byte("{}")}
	program, err := emptyRoot(hello.root)
	if err != nil {
		return nil, err
	}
	if err := gobuild.Hello(ctx, c, platform, program); err != nil {
		return nil, err
	}
	all := []started{hello}
	for _, f := range c.Functions {
		event, err := os.ReadFile(filepath.Join(o.root, f.Folder, "testdata", "event.json"))
		if err != nil {
			return nil, fmt.Errorf("read the event of %s: %w", f.Image, err)
		}
		own := started{f.Image, filepath.Join(dir, "roots", f.Image), f.Lambda, event}
		if err := rootfs.Unpack(ctx, dist, f.Image, own.root); err != nil {
			return nil, err
		}
		all = append(all, own)
		if f.Variant == catalog.Light { // ko makes no heavy images
			of := started{f.Image + ", " + nameKo, filepath.Join(dir, "ko", f.Image), f.Lambda, event}
			if err := o.unpackKo(ctx, path.Base(f.Folder), of.root); err != nil {
				return nil, fmt.Errorf("ko's image of %s: %w", f.Image, err)
			}
			all = append(all, of)
		}
	}
	return all, nil
}

// unpackKo puts the program of an image that ko pushed where a function's program is looked
// for. ko's layers have absolute names, so the whole image is not unpacked.
func (o options) unpackKo(ctx context.Context, function, root string) error {
	ref, err := name.ParseReference(o.registry + "/ko/" + function)
	if err != nil {
		return err
	}
	made, err := remote.Image(ref, remote.WithContext(ctx))
	if err != nil {
		return err
	}
	layers, err := made.Layers()
	if err != nil {
		return err
	}
	content, err := layers[len(layers)-1].Uncompressed()
	if err != nil {
		return err
	}
	defer content.Close()
	program, err := emptyRoot(root)
	if err != nil {
		return err
	}
	for tr := tar.NewReader(content); ; {
		h, err := tr.Next()
		if err != nil {
			return fmt.Errorf("find its program: %w", err)
		}
		if path.Base(h.Name) == function && h.Typeflag == tar.TypeReg {
			data, err := io.ReadAll(tr)
			return errors.Join(err, os.WriteFile(program, data, 0o755))
		}
	}
}

// emptyRoot makes the folders that a function needs, and returns where its program belongs.
func emptyRoot(root string) (program string, err error) {
	program = filepath.Join(root, image.BootstrapPath)
	return program, errors.Join(os.MkdirAll(filepath.Dir(program), 0o755), os.MkdirAll(filepath.Join(root, "var/task"), 0o755))
}

func (s started) firstAnswer(ctx context.Context) (took time.Duration, err error) {
	start := time.Now()
	function, err := invoke.Start(s.root, invoke.Options{Name: s.lambda, Logs: io.Discard})
	if err != nil {
		return 0, err
	}
	_, err = function.Invoke(ctx, s.event)
	took = time.Since(start)
	if stopped := function.Stop(); err == nil {
		err = stopped
	}
	return took, err
}
