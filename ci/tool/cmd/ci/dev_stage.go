package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// stageFlags name a function at AWS, and the stage of one developer.
type stageFlags struct {
	name   string
	suffix string
	alias  string

	region            []string
	account, registry string
}

func (f *stageFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.name, "remote", "", "image `NAME` whose function runs at AWS, at the stage that --suffix or --alias names")
	flags.StringVar(&f.suffix, "suffix", "", "with --remote: what follows the function's name in that of your own function, which is yours alone")
	flags.StringVar(&f.alias, "alias", "", "with --remote: alias of the function that is yours alone")
	addRegions(cmd, &f.region, "with --remote")
	flags.StringVar(&f.account, "account", "", "with --remote: AWS account (default: the account of the credentials)")
	flags.StringVar(&f.registry, "private-registry", "", "with --remote: private registry, host[:port][/path] (default: ECR of the account and region)")
}

func (f *stageFlags) check(cmd *cobra.Command, names []string) error {
	if f.name == "" {
		return refuseUnless(cmd, "--remote", "suffix", "alias", "region", "account", "private-registry")
	}
	switch {
	case len(names) > 0:
		return usageError{errors.New("--remote runs one function, which it names; leave the other names out")}
	case (f.suffix == "") == (f.alias == ""):
		return usageError{errors.New("--remote needs a stage that is yours alone: pass --suffix dana for the function NAME-dana, or --alias dana")}
	}
	if _, err := oneRegion("--remote", f.region); err != nil {
		return err
	}
	return refuse(cmd, "--remote", "how to run a function here", "listen", "env", "debug", "debug-listen", "platform")
}
