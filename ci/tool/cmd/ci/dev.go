package main

import (
	"context"
	"errors"
	"fmt"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/image/build"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/run/dev"
	"lambdas.internal/ci/tool/run/endpoint"
	"lambdas.internal/ci/tool/run/executor"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// devFlags are the flags of dev.
type devFlags struct {
	build       buildFlags
	listen      string
	env         []string
	debug       string
	debugListen string
	stage       stageFlags
	how         runFlags
}

func newDev(a *app) *cobra.Command {
	var f devFlags
	cmd := &cobra.Command{
		Use:   "dev [NAME]...",
		Short: "Run functions here, and answer with the new code when a source is saved",
		Long: `Run functions here until Ctrl-C: those of the images that are named, or all. When a source
is saved, what it concerns is built and swapped between two invocations; the next call
answers with the new code. If the code does not compile, the old one goes on answering:
the error is in the terminal, and in the header X-Dev-Error of each answer.

Each function starts with its first event. Send it an event in one of these ways:
  bin/ci invoke --name NAME --emulator http://127.0.0.1:9000/NAME --event sqs
  aws lambda invoke --endpoint-url http://127.0.0.1:9000 --function-name NAME /dev/stdout
  curl http://127.0.0.1:9000/NAME/path      as a function URL
  curl http://NAME.localhost:9000/path      the same, without the name in the path
The last two make the event of a function URL, which is that of API Gateway (HTTP APIs).
--event of bin/ci invoke takes a file, a name in the function's testdata, or a sample:
dynamodb, eventbridge, http, s3, sns or sqs.

Functions call each other at the same address: AWS_ENDPOINT_URL_LAMBDA is set for them.

--debug NAME runs a function under the debugger delve: one that is on the PATH, or else one
that is installed into the cache.

--remote NAME runs the function at AWS instead, at a stage of your own. See docs/DEV.md.`,
		Example: "  bin/ci dev\n  bin/ci dev api --listen 127.0.0.1:8080 --env TABLE_NAME=items\n  bin/ci dev --debug api\n  bin/ci dev --remote api --suffix dana",
		RunE:    func(cmd *cobra.Command, args []string) error { return a.dev(cmd, &f, args) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:9000", "address to serve the functions at; port 0 is a free one")
	flags.StringArrayVar(&f.env, "env", nil, "environment variable for the functions: KEY=value, or KEY to pass yours on")
	flags.StringVar(&f.debug, "debug", "", "image `NAME` whose function runs under the debugger delve")
	flags.StringVar(&f.debugListen, "debug-listen", "127.0.0.1:2345", "with --debug: address of the debugger")
	f.how.add(cmd)
	f.build.addLocalPlatform(cmd)
	f.build.addBase(cmd)
	f.build.addFFmpeg(cmd)
	f.stage.add(cmd)
	return cmd
}

func (a *app) dev(cmd *cobra.Command, f *devFlags, names []string) (err error) {
	if err := f.stage.check(cmd, names); err != nil {
		return err
	}
	// A terminal that is closed ends it as Ctrl-C does.
	ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGHUP)
	defer stop()
	cmd.SetContext(ctx)
	if f.stage.name != "" {
		return f.stage.run(cmd.Context(), a, cmd, &f.build)
	}
	if f.debug != "" && len(names) > 0 && !slices.Contains(names, f.debug) {
		names = append(names, f.debug)
	}
	_, functions, err := a.selected(names)
	if err != nil {
		return err
	}
	x, err := f.how.choose(cmd, &f.build, functions, false)
	if err != nil {
		return err
	}
	start, err := swappable(x)
	if err != nil {
		return err
	}
	debugger, err := f.debugger(cmd, a)
	if err != nil {
		return err
	}
	l, url, err := dev.Listen(f.listen)
	if err != nil {
		return usageError{fmt.Errorf("--listen: %w", err)}
	}
	session, err := dev.Start(cmd.Context(), dev.Options{
		Load: a.reader(cmd, &f.build, names), Start: start, Env: devEnvironment(url, resolveEnv(f.env)), Output: cmd.ErrOrStderr(), Debugger: debugger,
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server := dev.Serve(l, url, session)
	defer func() { err = errors.Join(err, session.Close(), server.Close()) }()
	running := session.Running(url, debugger)
	if err := a.print(cmd, running, running.Print); err != nil {
		return err
	}
	<-cmd.Context().Done()
	return nil
}

// swappable returns how a session starts functions. It swaps processes of this machine only.
func swappable(x *executor.Executor) (func(root string, o invoke.Options) (endpoint.Runner, error), error) {
	if !x.Processes() {
		return nil, usageError{fmt.Errorf("functions run in the way %s here, in which a save cannot swap them; use Linux or WSL, or call the built image: bin/ci invoke --run %[1]s", x.Kind)}
	}
	return func(root string, o invoke.Options) (endpoint.Runner, error) {
		f, err := x.Start(root, o)
		if err != nil {
			return nil, err
		}
		return f, nil
	}, nil
}

// reader returns a function that reads the workspace as it is when it is called.
func (a *app) reader(cmd *cobra.Command, f *buildFlags, names []string) func() (*build.Builder, []catalog.Function, error) {
	loaded := false
	return func() (*build.Builder, []catalog.Function, error) {
		b, err := a.builder(cmd, f)
		if err != nil {
			return nil, nil, err
		}
		if loaded { // the session itself says what it builds
			b.Step = func(ctx context.Context, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
		}
		loaded = true
		functions, err := b.Catalog.Select(names)
		return b, functions, err
	}
}

// debugger returns the debugger that --debug asks for.
func (f *devFlags) debugger(cmd *cobra.Command, a *app) (*dev.Debugger, error) {
	if f.debug == "" {
		return nil, refuseUnless(cmd, "--debug", "debug-listen")
	}
	if _, _, err := a.selected([]string{f.debug}); err != nil {
		return nil, err
	}
	kept, err := a.cache()
	if err != nil {
		return nil, err
	}
	program, err := dev.FindDelve(cmd.Context(), kept.Path("tools"), func() func(error) {
		return report.NewProgress(cmd.ErrOrStderr()).Step("install the debugger delve, once")
	})
	return &dev.Debugger{Image: f.debug, Address: f.debugListen, Program: program}, err
}

// refuseUnless refuses flags that need another one.
func refuseUnless(cmd *cobra.Command, other string, flags ...string) error {
	for _, name := range flags {
		if cmd.Flags().Changed(name) {
			return usageError{fmt.Errorf("--%s needs %s", name, other)}
		}
	}
	return nil
}

// devEnvironment is the environment of functions that call each other at url. Without
// credentials of the user they get some, since a client without any calls nothing.
func devEnvironment(url string, env []string) []string {
	all := []string{"AWS_ENDPOINT_URL_LAMBDA=" + url}
	theirs := slices.ContainsFunc(env, func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return strings.HasPrefix(name, "AWS_") && name != "AWS_REGION" && !strings.HasPrefix(name, "AWS_ENDPOINT_URL")
	})
	if !theirs {
		all = append(all, "AWS_ACCESS_KEY_ID=local", "AWS_SECRET_ACCESS_KEY=local")
	}
	return append(all, env...)
}
