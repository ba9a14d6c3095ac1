package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/run/executor"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/run/sample"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// testEvent is the file in a function's folder with the event of a test.
const testEvent = "testdata/event.json"

// invoked is the result of one invocation.
type invoked struct {
	Image    string                `json:"image"`
	Response json.RawMessage       `json:"response,omitempty"`
	Error    *invoke.FunctionError `json:"error,omitempty"`
	Seconds  float64               `json:"seconds"`
}

func newInvoke(a *app) *cobra.Command {
	var f buildFlags
	var how runFlags
	var remote remoteFlags
	var name, eventFile, emulator, ref string
	var env []string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "invoke",
		Short: "Run a built image's binary with one event, as Lambda does",
		Long: `Run a built image's binary with one event, as Lambda does.

The image is built if it is out of date, and unpacked. Its binary runs against a Lambda
Runtime API on localhost; if you are root, it sees only the image's files. Where this
machine cannot run it, it runs in QEMU or in a container; --run chooses. With --image
an image from a registry runs instead (with Docker's login); with --remote the deployed
function is called. The response goes to standard output, the function's logs to
standard error.`,
		Example: "  bin/ci invoke --name api\n  bin/ci invoke --name thumb --event event.json --env MEDIA_BUCKET_NAME=media --env AWS_ENDPOINT_URL\n  bin/ci invoke --name api --image 127.0.0.1:5077/lambda-private-light:api-latest\n  bin/ci invoke --name api --remote",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := remote.check(cmd); err != nil {
				return err
			}
			if ref != "" {
				if err := refuse(cmd, "--image", "what to build", "base", "ffmpeg", "offline", "mirror"); err != nil {
					return err
				}
			}
			if emulator != "" {
				if err := refuse(cmd, "--emulator", "how to start a function here", localOnly...); err != nil {
					return err
				}
			}
			if err := checkReference("image", ref); err != nil {
				return err
			}
			if at, err := url.Parse(emulator); emulator != "" && (err != nil || at.Host == "") {
				return usageError{fmt.Errorf("--emulator: %q is not a URL; write http://HOST:PORT", emulator)}
			}
			if timeout <= 0 {
				return usageError{fmt.Errorf("--timeout: %s is not a time to wait; pass a duration like 30s or 2m", timeout)}
			}
			c, selected, err := a.selected([]string{name})
			if err != nil {
				return err
			}
			function := selected[0]
			if function.Timeout > 0 && !cmd.Flags().Changed("timeout") {
				timeout = time.Duration(function.Timeout) * time.Second
			}
			event, err := readEvent(cmd, c, function, eventFile)
			if err != nil {
				return err
			}
			here := emulator == "" && !remote.remote
			var x *executor.Executor
			if here {
				if x, err = how.choose(cmd, &f, selected, ref != ""); err != nil {
					return err
				}
			}
			var ready *executor.Function
			switch {
			case here && ref != "":
				ready, err = fromRegistry(cmd.Context(), x, ref, name)
			case here:
				f.only = []string{name}
				var prepare prepare
				if prepare, _, err = a.runnable(cmd, &f, x, selected, ""); err == nil {
					ready, err = prepare(cmd.Context(), function)
				}
			}
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			var response invoke.Response
			switch {
			case remote.remote:
				response, err = remote.invoke(ctx, cmd, function, event)
			case emulator != "":
				response, err = invoke.Emulated(ctx, emulator, event)
			default:
				response, err = once(ctx, ready, event, invoke.Options{Name: function.Lambda, Env: resolveEnv(env), Memory: function.Memory, Logs: cmd.ErrOrStderr()})
			}
			if err != nil {
				return err
			}
			return a.printInvoked(cmd, function, response)
		},
	}
	required(cmd, &name, "name", "name of the image")
	cmd.Flags().StringVar(&eventFile, "event", "", "file with the event, - for standard input, the name of a file in the function's testdata without .json, or a sample: "+strings.Join(sample.Kinds(), ", ")+" (default: testdata/event.json)")
	cmd.Flags().StringArrayVar(&env, "env", nil, "environment variable for the function: KEY=value, or KEY to pass yours on")
	cmd.Flags().StringVar(&emulator, "emulator", "", "URL of a Lambda emulator; call the function behind it instead of starting one")
	cmd.Flags().StringVar(&ref, "image", "", "reference of an image to run, instead of building one")
	cmd.Flags().DurationVar(&timeout, "timeout", time.Minute, "how long the function may run (default: timeout in its image.json, else 1m0s)")
	remote.add(cmd)
	how.add(cmd)
	f.addLocalPlatform(cmd)
	f.addBase(cmd)
	f.addFFmpeg(cmd)
	return cmd
}

// once starts a function, hands it one event and removes it.
func once(ctx context.Context, f *executor.Function, event []byte, o invoke.Options) (r invoke.Response, err error) {
	defer func() { err = errors.Join(err, f.Close()) }()
	started, err := f.Start(o)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, started.Stop()) }()
	if r, err = started.Invoke(ctx, event); err != nil {
		return r, fmt.Errorf("invoke %s: %w", o.Name, err)
	}
	return r, nil
}

// fromRegistry prepares an image of a registry.
func fromRegistry(ctx context.Context, x *executor.Executor, reference, name string) (*executor.Function, error) {
	p, err := parsePlatform(x.Platform())
	if err != nil {
		return nil, err
	}
	digest, err := registry.Digest(ctx, reference)
	if err != nil {
		return nil, err
	}
	img, err := registry.Image(ctx, reference, digest, *p)
	if err != nil {
		return nil, err
	}
	return x.FromImage(ctx, img, name)
}

func readEvent(cmd *cobra.Command, c *catalog.Catalog, f catalog.Function, file string) ([]byte, error) {
	var data []byte
	var err error
	switch file {
	case "-":
		data, err = io.ReadAll(cmd.InOrStdin())
	case "":
		data, err = catalog.ReadFile(c.Root, f.Folder+"/"+testEvent)
	default:
		data, err = os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(file, "/.") {
			data, err = namedEvent(c, f, file, err)
		}
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil, usageError{fmt.Errorf("read the event of %s: %w; pass --event FILE, or --event - for standard input", f.Image, err)}
	}
	if err != nil {
		return nil, fmt.Errorf("read the event of %s: %w", f.Image, err)
	}
	return data, nil
}

// namedEvent returns the event with a name: that of a file in the function's testdata, or of a
// sample.
func namedEvent(c *catalog.Catalog, f catalog.Function, name string, missing error) ([]byte, error) {
	data, err := catalog.ReadFile(c.Root, f.Folder+"/testdata/"+name+".json")
	if !errors.Is(err, os.ErrNotExist) {
		return data, err
	}
	if event, ok := sample.Event(name); ok {
		return event, nil
	}
	return nil, fmt.Errorf("%w, nor is there %s/testdata/%s.json; the samples are %s", missing, f.Folder, name, strings.Join(sample.Kinds(), ", "))
}

// resolveEnv gives each KEY without a value the value of this process.
func resolveEnv(env []string) []string {
	resolved := make([]string, len(env))
	for i, e := range env {
		resolved[i] = e
		if !strings.Contains(e, "=") {
			resolved[i] = e + "=" + os.Getenv(e)
		}
	}
	return resolved
}

func (a *app) printInvoked(cmd *cobra.Command, f catalog.Function, r invoke.Response) error {
	result := invoked{Image: f.Image, Response: r.Payload, Error: r.Error, Seconds: r.Duration.Seconds()}
	err := a.print(cmd, result, func(w io.Writer) error {
		if r.Error == nil {
			fmt.Fprintln(w, strings.TrimSpace(string(r.Payload)))
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%s answered in %s\n", f.Image, report.Duration(r.Duration))
		return nil
	})
	if r.Error != nil {
		err = errors.Join(fmt.Errorf("%s reported %w", f.Image, r.Error), err)
	}
	return err
}
