package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"
)

// formats are those of package handoff, which the program of the steps does not hold.
var formats = []string{"json", "tfvars", "cdk-context", "cloudformation-parameters"}

// handoffFlags say which published images to print, and how.
type handoffFlags struct {
	published                         bool
	format, commit, registry, account string
	region                            []string
	local                             bool
	only                              []string
}

func (f *handoffFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.published, "published", false, "print the images of a commit in the private registry instead of making any")
	flags.StringVar(&f.format, "format", "", "with --published: "+strings.Join(formats, ", ")+" (default: a table)")
	flags.StringVar(&f.commit, "commit", "", "with --published: commit that the images were published under (default: HEAD)")
	flags.BoolVar(&f.local, "local", false, "with --published: read dist/registry, where publish --local publishes")
	flags.StringVar(&f.registry, "private-registry", "", "with --published: private registry, host[:port][/path] (default: ECR of the account and region)")
	addRegions(cmd, &f.region, "with --published")
	flags.StringVar(&f.account, "account", "", "with --published: AWS account (default: the account of the credentials)")
	addEnvironment(cmd)
}

func (f *handoffFlags) check(cmd *cobra.Command, base bool) error {
	if !f.published {
		for _, name := range []string{"format", "commit", "local", "private-registry", "region", "account"} {
			if cmd.Flags().Changed(name) {
				return usageError{fmt.Errorf("--%s needs --published", name)}
			}
		}
		if !base {
			return usageError{fmt.Errorf("%s needs --base-layout, or --published; see `%s --help`", cmd.CommandPath(), cmd.CommandPath())}
		}
		return nil
	}
	if f.format != "" && !slices.Contains(formats, f.format) {
		return usageError{fmt.Errorf("--format: %q is not a format; pass %s", f.format, strings.Join(formats, ", "))}
	}
	if f.format != "" && cmd.Flags().Changed("json") {
		return usageError{errors.New("--format and --json cannot be combined; pass --format json")}
	}
	if err := checkCommit("commit", f.commit); err != nil {
		return err
	}
	if _, err := oneRegion("--published", f.region); err != nil {
		return err
	}
	return refuse(cmd, "--published", "what to make", "base-layout", "ffmpeg-layer", "binaries", "platform", "out")
}
