//go:build unix

// Command bench compares how long different programs take to build all functions, in one
// run on one machine: bare `go build`, this repository's tool, ko and, if they answer,
// Dagger and BuildKit. Each builds its own copy of the same sources. It never fails
// because something was slow.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if ctx.Err() != nil {
		err = errors.New("interrupted")
	}
	stop()
	if errors.Is(err, flag.ErrHelp) {
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench: "+err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.SetOutput(stderr)
	root := flags.String("root", ".", "`folder` of the repository")
	repeat := flags.Int("repeat", 7, "repetitions of the warm cases; 0 leaves them out")
	cold := flags.Int("cold", 3, "repetitions of the cold case; 0 leaves it out")
	scale := flags.Int("scale", 5, "repetitions with 5, 25 and 100 generated functions; 0 leaves them out")
	first := flags.Bool("first-run", false, "measure what a newcomer waits for, and nothing else: the README's commands in a fresh clone with empty caches")
	more := flags.Bool("many", false, "measure 5, 25, 100 and 1,000 generated functions, and nothing else; repeats as often as --scale says")
	saved := flags.Bool("save", false, "measure the time from a save to the new answer, and nothing else")
	sized := flags.Bool("sizes", false, "measure the images for amd64 and arm64, and nothing else")
	daggerArgs := flags.String("dagger", "", "`arguments` for dagger call before build-all, such as \"--base REFERENCE --ffmpeg REFERENCE\"")
	second := flags.String("dagger-second", "", "another version of Dagger to measure beside it: its `program and engine`, such as \"/opt/dagger-1.0 tcp://127.0.0.1:1234\"")
	emptyEngines := flags.Bool("empty-engines", false, "measure cold Dagger and BuildKit too: deletes EVERYTHING that these engines keep, also for other projects")
	asJSON := flags.Bool("json", false, "print JSON, with every time that was measured")
	asMarkdown := flags.Bool("markdown", false, "print Markdown")
	asSVG := flags.Bool("svg", false, "draw an SVG")
	read := flags.String("read", "", "print the run in this `file`, which --json wrote, and measure nothing")
	quiet := flags.Bool("quiet", false, "print no progress")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 || *repeat < 0 || *cold < 0 || *scale < 0 {
		return fmt.Errorf("%q: there are only flags, and numbers are 0 or more; see --help", args)
	}
	as := format{json: *asJSON, markdown: *asMarkdown, svg: *asSVG}
	if *read != "" {
		earlier, err := readRun(*read)
		if err != nil {
			return err
		}
		return earlier.write(stdout, as)
	}
	absolute, err := filepath.Abs(*root)
	if err != nil {
		return fmt.Errorf("find the repository: %w", err)
	}
	c, err := catalog.Load(absolute)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "lambdas-bench-*")
	if err != nil {
		return fmt.Errorf("create a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(scratch)) }()

	if *first {
		var functions []string
		for _, f := range c.Functions {
			functions = append(functions, "./"+f.Folder)
		}
		return firstRun(ctx, absolute, scratch, functions, stdout, progress(stderr, *quiet))
	}

	if *more {
		m := many{root: absolute, tool: filepath.Join(absolute, "bin", "ci"), repeat: *scale, progress: progress(stderr, *quiet)}
		return m.run(ctx, scratch, manySizes, stdout)
	}

	o := options{
		root: absolute, tool: filepath.Join(absolute, "bin", "ci"), ko: filepath.Join(absolute, "bin", "ko"),
		downloads: filepath.Join(absolute, ".cache", "bench"),
		repeat:    *repeat, repeatCold: *cold, repeatScale: *scale,
		progress: progress(stderr, *quiet), emptyEngines: *emptyEngines, onlySaves: *saved,
	}
	if *sized {
		all, err := o.imageSizes(ctx, scratch)
		if err != nil {
			return err
		}
		header, rows := sizeTable(all)
		if as.markdown {
			return report.Markdown(stdout, header, rows)
		}
		return report.Table(stdout, header, rows)
	}
	o.engines = findEngines(ctx, *daggerArgs, *second, o.progress)
	result := Run{Machine: thisMachine(ctx, c.Toolchain, o.ko)}
	var failure error
	if result.Results, failure = o.run(ctx, scratch); len(result.Results) == 0 {
		return failure
	}
	result.Machine.LoadEnd = load()
	if failure == nil && !o.onlySaves {
		result.Sizes, failure = o.imageSizes(ctx, scratch)
	}
	result.Targets = judge(result.Results, targets)
	return errors.Join(result.write(stdout, as), failure)
}

// progress returns a function that prints one line with the time since the start.
func progress(w io.Writer, quiet bool) func(string) {
	start := time.Now()
	return func(line string) {
		if !quiet {
			fmt.Fprintf(w, "%4.0f s  %s\n", time.Since(start).Seconds(), line)
		}
	}
}
