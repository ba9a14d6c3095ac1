//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/lambdaapi"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// createFlags say whether deploy makes the functions that are missing, and with which role.
type createFlags struct {
	create bool
	role   string
}

func (f *createFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&f.create, "create", false, "make the functions that do not exist, from image.json and --role, and nothing else")
	cmd.Flags().StringVar(&f.role, "role", "", "with --create: ARN of the role that the new functions run as")
}

// roleARN matches the ARN of a role.
// https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html
var roleARN = regexp.MustCompile(`^arn:aws[a-zA-Z-]*:iam::[0-9]{12}:role/[a-zA-Z0-9+=,.@_/-]+$`)

func (f *createFlags) check(dryRun bool) error {
	switch {
	case f.create && dryRun:
		return usageError{errors.New("--create cannot be combined with --dry-run, which makes nothing")}
	case !f.create && f.role != "":
		return usageError{errors.New("--role needs --create")}
	case f.create && !roleARN.MatchString(f.role):
		return usageError{fmt.Errorf("--role: %q is not the ARN of a role; pass arn:aws:iam::ACCOUNT:role/NAME", f.role)}
	}
	return nil
}

// missing makes the functions of the targets that do not exist, with the image of the release.
// What was made stays if something fails later: it runs what the release would make it run.
func (f *createFlags) missing(ctx context.Context, cmd *cobra.Command, fl *fleet, functions []catalog.Function, targets []deploy.Target) error {
	if !f.create {
		return nil
	}
	l := fl.lambda
	functions = catalog.Running(functions)
	var made []string
	for _, t := range targets {
		_, err := l.Function(ctx, t.Lambda, "")
		if !errors.Is(err, deploy.ErrMissing) {
			if err != nil {
				return err
			}
			continue
		}
		n := slices.IndexFunc(functions, func(of catalog.Function) bool { return of.Lambda == t.Lambda })
		of := functions[n]
		if err = l.Create(ctx, deploy.New{
			Function: t.Lambda, URI: t.URI(), Role: f.role, Architecture: deploy.Architecture(of.Arch()), Memory: of.Memory, Timeout: of.Timeout,
		}); err == nil {
			made = append(made, t.Lambda)
			err = settled(ctx, l, t.Lambda)
		}
		if err != nil {
			if len(made) > 0 {
				err = fmt.Errorf("%w; made, and left there: %s", err, strings.Join(made, ", "))
			}
			return fmt.Errorf("create %s (%s): %w", t.Lambda, t.Image, err)
		}
		fmt.Fprintln(cmd.ErrOrStderr(), "ci: "+fl.label(fmt.Sprintf("made the function %s, which has no trigger and no variables yet", t.Lambda)))
	}
	return nil
}

// settled waits until Lambda has made the function.
func settled(ctx context.Context, l *lambdaapi.Client, name string) error {
	f, err := deploy.NewReleaser(l, nil, deploy.Options{Pace: pace}).Settle(ctx, name, "")
	if err == nil && f.Failed() != "" {
		err = errors.New(f.Failed())
	}
	return err
}
