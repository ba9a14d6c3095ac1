//go:build !steps

package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
	"lambdas.internal/ci/tool/workspace/scaffold"
)

// reasons are the defaults of --reason.
var reasons = map[catalog.Registry]string{
	catalog.Private: "not yet approved to be public",
	catalog.Public:  "generic work, nothing proprietary",
}

func newNew(a *app) *cobra.Command {
	var variant, registry, lambda, reason string
	cmd := &cobra.Command{
		Use:   "new NAME",
		Short: "Make the folder of a new function",
		Long: `Make the folder of a new function.

functions/NAME-lambda gets a handler with tests, a test event, an image.json and a
go.mod with the versions of the workspace, and go.work gets its name. In a repository that
init made ready, the folder is beside the other functions. The new function
builds, passes its tests and passes audit. A light function counts words; a heavy one
reads a file in S3 with ffmpeg. No network is needed on a machine that has built the
workspace before.

The Lambda function in AWS is not created: create it with your CDK, Terraform or SAM
code, or in the console. Until it exists, deploy fails and names it.`,
		Example: "  bin/ci new resize\n  bin/ci new contact-sheet --variant heavy --registry public --reason \"generic ffmpeg work\"",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usageError{fmt.Errorf("pass the name of the new function, for instance `%s resize`; see `%s --help`", cmd.CommandPath(), cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := a.catalog()
			if err != nil {
				return err
			}
			f := catalog.Function{
				Image: args[0], Variant: catalog.Variant(variant), Registry: catalog.Registry(registry), Lambda: lambda, Reason: reason,
			}
			if f.Lambda == "" {
				f.Lambda = scaffold.LambdaName(c.Functions, f.Image)
			}
			if f.Reason == "" {
				f.Reason = reasons[f.Registry]
			}
			made, err := scaffold.New(cmd.Context(), c, f)
			if err != nil {
				return refusal(err, lambda != "", reason != "")
			}
			if made.SumsMissing {
				fmt.Fprintf(cmd.ErrOrStderr(), "ci: warning: %s/go.sum lacks sums that only tests of other modules need; run `go mod tidy` there when a network is available\n", made.Folder)
			}
			return a.print(cmd, made, func(w io.Writer) error { return printMade(w, made) })
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&variant, "variant", string(catalog.Light), "light, or heavy: with ffmpeg")
	flags.StringVar(&registry, "registry", string(catalog.Private), "private, or public: anyone may pull the image")
	flags.StringVar(&lambda, "lambda", "", "name of the function in AWS (default: the prefix of the others, then NAME)")
	flags.StringVar(&reason, "reason", "", "why the image may be in that registry, in a few words")
	return cmd
}

// refusal names the flags whose values the scaffold refused. A default that was not passed
// follows from the other values, so its problem is left out if there are others.
func refusal(err error, lambda, reason bool) error {
	var refused scaffold.Refused
	if !errors.As(err, &refused) {
		return err
	}
	var errs []error
	for _, p := range refused {
		name := "--" + p.Field
		switch {
		case p.Field == "image":
			name = "NAME"
		case p.Field == "lambda" && !lambda, p.Field == "reason" && !reason:
			if len(refused) > 1 {
				continue
			}
		}
		errs = append(errs, fmt.Errorf("%s: %s", name, p.Fix))
	}
	return usageError{errors.Join(errs...)}
}

func printMade(w io.Writer, m *scaffold.Made) error {
	err := report.Table(w, []string{"IMAGE", "VARIANT", "REGISTRY", "LAMBDA", "FOLDER", "REASON"},
		[][]string{{m.Image, string(m.Variant), string(m.Registry), m.Lambda, m.Folder, m.Reason}})
	if err != nil {
		return err
	}
	for _, file := range m.Files {
		fmt.Fprintln(w, file)
	}
	_, err = fmt.Fprintf(w, "next: (cd %s && go test ./...), bin/ci build-all --only %s, bin/ci audit --only %s\n", m.Folder, m.Image, m.Image)
	return err
}
