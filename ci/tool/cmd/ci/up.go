package main

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/run/dev"
	"lambdas.internal/ci/tool/run/endpoint"
	"lambdas.internal/ci/tool/run/invoke"
	"lambdas.internal/ci/tool/run/local"
)

func newUp(a *app) *cobra.Command {
	var f buildFlags
	var how runFlags
	var listen, s3Listen, out string
	var env []string
	var watch bool
	cmd := &cobra.Command{
		Use:   "up",
		Short: "Run the whole system on this machine",
		Long: `Run the whole system on this machine until Ctrl-C, with a page at the API's
address that uploads media, starts jobs and shows their results.

The functions run from their built images, in containers where this machine cannot run
Linux programs; the first line says how. S3, DynamoDB, Lambda's API and API Gateway
are servers on localhost; their content is deleted at the end. If GEMINI_API_KEY is
set, Gemini is called for real; without it a selection ranks by measurements only, and
an enhancement reports that the key is missing.

With --watch, what a save concerns is built and swapped between two invocations, as by
bin/ci dev; the content of the servers stays.`,
		Example: "  bin/ci up\n  curl http://127.0.0.1:8080/health\n  bin/ci up --env GEMINI_API_KEY --listen 127.0.0.1:9090",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) (err error) {
			for flag, address := range map[string]string{"--listen": listen, "--s3-listen": s3Listen} {
				if at, err := url.Parse("//" + address); err != nil || at.Port() == "" {
					return usageError{fmt.Errorf("%s: %q is not an address; write HOST:PORT", flag, address)}
				}
			}
			c, err := a.catalog()
			if err != nil {
				return err
			}
			x, err := how.choose(cmd, &f, c.Functions, false)
			if err != nil {
				return err
			}
			prepare, oldFFmpeg, err := a.runnable(cmd, &f, x, c.Functions, out)
			if err != nil {
				return err
			}
			if os.Getenv("GEMINI_API_KEY") != "" {
				env = append(env, "GEMINI_API_KEY")
			}
			if oldFFmpeg {
				env = append([]string{"MEDIA_REFUSED_TYPES=image/heic"}, env...) // npm's ffmpeg cannot read it
			}
			o := local.Options{
				Root: c.Root, Functions: c.Functions, Prepare: prepare, Front: "api", Listen: listen, S3Listen: s3Listen,
				Env: resolveEnv(env), Logs: cmd.ErrOrStderr(),
			}
			if watch {
				start, err := swappable(x)
				if err != nil {
					return err
				}
				o.Run = a.watched(cmd, &f, start)
			}
			system, err := local.Start(cmd.Context(), o)
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, system.Close()) }()
			err = a.print(cmd, system, func(w io.Writer) error {
				_, err := fmt.Fprintf(w, "API       %s (open it in a browser for a page that uses it)\nS3        %s\nDynamoDB  %s\nLambda    %s\npress Ctrl-C to stop\n",
					system.URL, system.S3URL, system.DynamoDBURL, system.LambdaURL)
				return err
			})
			if err == nil {
				<-cmd.Context().Done()
			}
			return err
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address of the HTTP API")
	cmd.Flags().StringVar(&s3Listen, "s3-listen", "127.0.0.1:0", "address of S3, to which a browser uploads; port 0 is a free one")
	cmd.Flags().StringArrayVar(&env, "env", nil, "environment variable for the functions: KEY=value, or KEY to pass yours on")
	cmd.Flags().BoolVar(&watch, "watch", false, "answer with the new code when a source is saved")
	addOut(cmd, &out)
	how.add(cmd)
	f.addLocalPlatform(cmd)
	f.addBase(cmd)
	f.addFFmpeg(cmd)
	return cmd
}

// watched runs functions in a session that follows their sources.
func (a *app) watched(cmd *cobra.Command, f *buildFlags, start func(string, invoke.Options) (endpoint.Runner, error)) func(env []string) (func(string) (endpoint.Runner, bool), func() error, error) {
	return func(env []string) (func(string) (endpoint.Runner, bool), func() error, error) {
		session, err := dev.Start(cmd.Context(), dev.Options{Load: a.reader(cmd, f, nil), Start: start, Env: env, Output: cmd.ErrOrStderr()})
		if err != nil {
			return nil, nil, err
		}
		return session.Find, session.Close, nil
	}
}
