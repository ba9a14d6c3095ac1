package main

import (
	"errors"

	"github.com/spf13/cobra"
)

// remoteFlags say which version of the deployed function to call, and where.
type remoteFlags struct {
	remote    bool
	qualifier string
	region    []string
}

func (f *remoteFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.BoolVar(&f.remote, "remote", false, "call the deployed function instead of starting one")
	flags.StringVar(&f.qualifier, "qualifier", "", "with --remote: version or alias to call (default: $LATEST)")
	addRegions(cmd, &f.region, "with --remote")
}

// localOnly are the flags of invoke that say how a function is started here.
var localOnly = []string{"env", "image", "platform", "run", "base", "ffmpeg", "offline", "mirror"}

func (f *remoteFlags) check(cmd *cobra.Command) error {
	if !f.remote {
		if f.qualifier != "" || len(f.region) > 0 {
			return usageError{errors.New("--qualifier and --region need --remote")}
		}
		return nil
	}
	if _, err := oneRegion("--remote", f.region); err != nil {
		return err
	}
	return refuse(cmd, "--remote", "how to start a function here", append([]string{"emulator"}, localOnly...)...)
}
