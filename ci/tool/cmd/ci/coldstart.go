//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/inspect/coldstart"
	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/run/executor"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/run/local"
	"lambdas.internal/ci/tool/workspace/gobuild"
)

// testObjects is the folder in a function's folder with the objects that its event names.
const testObjects = "testdata/objects"

// coldStartFlags are the flags of coldstart.
type coldStartFlags struct {
	build    buildFlags
	run      runFlags
	target   targetFlags
	from     string
	name     string
	since    string
	starts   int
	env      []string
	markdown bool
}

func newColdStart(a *app) *cobra.Command {
	var f coldStartFlags
	cmd := &cobra.Command{
		Use:   "coldstart",
		Short: "Measure the cold start of each image: time, memory, blocks that are read",
		Long: `Measure the cold start of each image: time, memory, blocks that are read.

The images are built (or read with --from), unpacked and started, each time with none of
their files in memory. Measured are the time until the function asks for its first event,
and until it has answered its testdata/event.json; its memory then; and how many blocks of
512 KiB of its image were read. Lambda loads an image in such blocks, and has those in its
caches that any other image has too. With --since the report says how many are new since a
commit, latest or live, or an image layout: only these are nobody's yet.

If image.json has a budget of initMs or blocks, an image that is over it is an error: see
docs/IMAGE-JSON.md. The fastest start counts, beyond that of hello, a program that does nothing
and is started in turn with the images.

Run it as root: then a function sees the files of its image alone. S3 and DynamoDB are
servers on this machine; S3 holds the files below testdata/objects of each function.`,
		Example: "  bin/ci coldstart\n  bin/ci coldstart --name thumb --json\n  bin/ci coldstart --since latest\n  bin/ci coldstart --from dist --since ../base/dist --markdown",
		Args:    noArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.coldStart(cmd, &f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.name, "name", "", "name of the image (default: all)")
	flags.StringVar(&f.since, "since", "", "count the blocks that are new since a commit, latest, live or an image layout")
	flags.IntVar(&f.starts, "starts", 5, "how often each image is started")
	flags.StringArrayVar(&f.env, "env", nil, "environment variable for the functions: KEY=value, or KEY to pass yours on")
	flags.BoolVar(&f.markdown, "markdown", false, "print Markdown")
	f.target.addLocal(cmd, "compare with what publish --local published")
	f.target.add(cmd)
	f.run.add(cmd)
	f.build.addLocalPlatform(cmd)
	f.build.addBase(cmd)
	f.build.addFFmpeg(cmd)
	addFrom(cmd, &f.from)
	return cmd
}

func (f *coldStartFlags) check(a *app) error {
	switch {
	case f.starts < 1:
		return usageError{fmt.Errorf("--starts: %d is not a number of starts; pass 1 or more", f.starts)}
	case f.markdown && a.json:
		return usageError{errors.New("--markdown and --json cannot be combined")}
	case f.since == "" && (f.target.local || f.target.given()):
		return usageError{errors.New("--local, --private-registry, --public-registry, --region, --account and --public-alias say where the images of --since are; pass --since too")}
	}
	return f.target.check()
}

func (a *app) coldStart(cmd *cobra.Command, f *coldStartFlags) (err error) {
	if err := f.check(a); err != nil {
		return err
	}
	c, err := a.catalog()
	if err != nil {
		return err
	}
	kept, err := a.cache()
	if err != nil {
		return err
	}
	var contents coldstart.Reader
	var known coldstart.Set
	var since string
	// What is compared with is read before anything is built: the build may replace it.
	if f.since != "" {
		sides := &sides{cmd: cmd, flags: &f.target, catalog: c, kept: kept, functions: c.Functions}
		from, err := sides.read(cmd.Context(), f.since)
		if err == nil {
			known, err = contents.Known(cmd.Context(), from.Images)
		}
		if err = errors.Join(err, sides.close()); err != nil {
			return err
		}
		since = from.Name
	}
	if f.name != "" {
		f.build.only = []string{f.name}
	}
	functions, err := c.Select(f.build.only)
	if err != nil {
		return err
	}
	x, err := f.run.choose(cmd, &f.build, functions, f.from != "")
	if err != nil {
		return err
	}
	if !x.Processes() {
		return usageError{fmt.Errorf("only Linux tells what a start takes, of processes of its own: it cannot be measured with --run %s; run this command on Linux", x.Kind)}
	}
	m, err := a.images(cmd, &f.build, f.from)
	if err != nil {
		return err
	}
	var objects []string
	for _, function := range m.functions {
		objects = append(objects, filepath.Join(c.Root, function.Folder, testObjects))
	}
	stores, err := local.StartStores(cmd.Context(), c.Root, c.Functions, objects)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stores.Close()) }()
	subjects, unpacked, err := f.subjects(cmd, x, m, &contents, append(stores.Env, resolveEnv(f.env)...))
	defer func() {
		for _, u := range unpacked {
			err = errors.Join(err, u.Close())
		}
	}()
	if err != nil {
		return err
	}
	ctx, done := m.builder.Step(cmd.Context(), fmt.Sprintf("start %s, %d times each", report.Count(len(m.functions), "image"), f.starts))
	starts, err := coldstart.Measure(ctx, subjects, f.starts, stores.Forget)
	done(err)
	if err != nil {
		return err
	}
	r := coldstart.New(subjects, starts, known)
	r.Platform, r.Since = x.Platform(), since
	if stores.Missing != "" {
		r.Missing = append(r.Missing, stores.Missing)
	}
	r.Judge(m.functions)
	return errors.Join(a.print(cmd, r, func(w io.Writer) error { return r.Print(w, f.markdown) }), r.Err())
}

// subjects unpacks what is to be measured: the program to compare with, then the images. What
// it unpacked is to be closed, also after an error.
func (f *coldStartFlags) subjects(cmd *cobra.Command, x *executor.Executor, m *made, contents *coldstart.Reader, env []string) (subjects []coldstart.Subject, unpacked []*executor.Function, err error) {
	ctx := cmd.Context()
	hello, made, err := f.hello(ctx, x, m)
	if err != nil {
		return nil, nil, err
	}
	subjects, unpacked = append(subjects, hello), append(unpacked, made)
	sources, err := sizediff.AllFromLayout(m.dir, m.functions, m.builder.Cache)
	if err != nil {
		return nil, unpacked, err
	}
	for _, function := range m.functions {
		s := coldstart.Subject{Image: function.Image}
		if s.Event, err = readEvent(cmd, m.builder.Catalog, function, ""); err != nil {
			return nil, unpacked, err
		}
		source := sources[function.Image]
		if s.Files, err = contents.Files(ctx, source); err != nil {
			return nil, unpacked, fmt.Errorf("read image %s: %w", function.Image, err)
		}
		s.Layers = image.Kinds(len(source.Manifest.Layers), source.Config.Config.Labels)
		made, err := x.FromLayout(ctx, m.dir, function.Image)
		if err != nil {
			return nil, unpacked, err
		}
		unpacked = append(unpacked, made)
		s.Root = made.Root()
		s.Options = made.Options(invoke.Options{Name: function.Lambda, Env: env, Memory: function.Memory, Logs: io.Discard})
		subjects = append(subjects, s)
	}
	return subjects, unpacked, nil
}

// hello is an image with nothing but a small program.
func (f *coldStartFlags) hello(ctx context.Context, x *executor.Executor, m *made) (s coldstart.Subject, made *executor.Function, err error) {
	made, err = x.FromFiles(func(root string) error {
		program := filepath.Join(root, image.BootstrapPath)
		for _, dir := range []string{filepath.Dir(program), filepath.Join(root, image.TaskRoot)} {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				return fmt.Errorf("measure cold starts: %w", err)
			}
		}
		if err := gobuild.Hello(ctx, m.builder.Catalog, v1.Platform{OS: x.OS, Architecture: x.Architecture}, program); err != nil {
			return err
		}
		s.Files, err = coldstart.ProgramAlone(program)
		return err
	})
	if err != nil {
		return s, nil, err
	}
	s.Image, s.Root, s.Layers, s.Event = "hello", made.Root(), []image.Kind{image.KindBinary}, []byte("{}")
	s.Options = made.Options(invoke.Options{Name: "hello", Logs: io.Discard})
	return s, made, nil
}
