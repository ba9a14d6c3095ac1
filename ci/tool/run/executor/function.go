package executor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"lambdas.internal/ci/tool/image"
	ocilayout "lambdas.internal/ci/tool/image/layout"
	"lambdas.internal/ci/tool/run/container"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/run/rootfs"
)

// Function is a function that is ready to be started, as often as wanted.
type Function struct {
	executor *Executor
	root     string // with its files; "" in a container
	env      []string
	loaded   *container.Image
}

// FromLayout prepares the named image of a layout.
func (x *Executor) FromLayout(ctx context.Context, dir, name string) (*Function, error) {
	return x.prepare(func(f *Function) (err error) {
		if x.Kind == Container {
			return f.load(ctx, dir, name)
		}
		if err := rootfs.Unpack(ctx, dir, name, f.root); err != nil {
			return err
		}
		f.env, err = rootfs.Environment(dir, name)
		return err
	})
}

// FromImage prepares an image that is not in a layout; name is what to call it.
func (x *Executor) FromImage(ctx context.Context, img v1.Image, name string) (*Function, error) {
	return x.prepare(func(f *Function) (err error) {
		if x.Kind == Container {
			return f.loadImage(ctx, img, name)
		}
		if err := rootfs.UnpackImage(ctx, img, f.root); err != nil {
			return err
		}
		f.env, err = rootfs.EnvironmentOf(img)
		return err
	})
}

// FromFiles prepares a function whose files fill puts where an image has them.
func (x *Executor) FromFiles(fill func(root string) error) (*Function, error) {
	return x.prepare(func(f *Function) error { return fill(f.root) })
}

func (x *Executor) prepare(with func(*Function) error) (*Function, error) {
	f := &Function{executor: x}
	if x.Kind != Container {
		root, err := os.MkdirTemp("", "ci-run-*")
		if err != nil {
			return nil, fmt.Errorf("prepare a function: %w", err)
		}
		f.root = root
	}
	if err := with(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func (f *Function) load(ctx context.Context, dir, name string) (err error) {
	ref := container.Reference(name)
	f.loaded, err = f.executor.program.Load(ctx, ref, f.executor.Platform(), func(w io.Writer) error {
		return ocilayout.ArchiveAs(w, dir, name, ref)
	})
	return err
}

// loadImage is [Function.load] for an image that is not in a layout.
func (f *Function) loadImage(ctx context.Context, img v1.Image, name string) error {
	dir, err := os.MkdirTemp("", "ci-run-*")
	if err != nil {
		return fmt.Errorf("prepare %s: %w", name, err)
	}
	defer os.RemoveAll(dir)
	to, err := layout.Write(dir, empty.Index)
	if err == nil {
		err = to.AppendImage(img, layout.WithAnnotations(map[string]string{image.AnnotationRefName: name}))
	}
	if err != nil {
		return fmt.Errorf("prepare %s: %w", name, err)
	}
	return f.load(ctx, dir, name)
}

// Start starts the function.
func (f *Function) Start(o invoke.Options) (*invoke.Function, error) {
	return invoke.Start(f.root, f.Options(o))
}

// Start starts a function whose files somebody else keeps in root, if [Executor.Processes].
func (x *Executor) Start(root string, o invoke.Options) (*invoke.Function, error) {
	return invoke.Start(root, x.emulate(o))
}

// emulate has the function started in QEMU, where that is needed and nothing else starts it.
func (x *Executor) emulate(o invoke.Options) invoke.Options {
	if x.qemu != "" && o.Via == nil {
		o.Via = invoke.InQEMU(x.qemu, x.Architecture)
	}
	return o
}

// Options adds how the function is started.
func (f *Function) Options(o invoke.Options) invoke.Options {
	o.Image, o.Open = f.env, f.executor.Kind == Native
	if f.loaded != nil {
		o.Via = f.contained
	}
	return f.executor.emulate(o)
}

// contained starts a process in a container.
func (f *Function) contained(p invoke.Process) invoke.Process {
	c := f.loaded.Command(p.Args[0], p.Env)
	return invoke.Process{Args: c.Args, Env: c.Env, After: c.Remove}
}

// Root is the folder with the function's files; "" in a container.
func (f *Function) Root() string { return f.root }

// Close removes the function's files, or its image from the container program.
func (f *Function) Close() error {
	if f.loaded != nil {
		return f.loaded.Remove()
	}
	if f.root == "" {
		return nil
	}
	return os.RemoveAll(f.root)
}
