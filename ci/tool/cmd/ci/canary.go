//go:build !steps

package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
)

// canaryFlags are those of a canary.
type canaryFlags struct {
	share, alarm string
	bake         time.Duration
}

// The default bake, and the shortest: Lambda sends its metrics each minute, and CloudWatch
// shows them a minute or two later.
// https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics.html
const (
	defaultBake  = 5 * time.Minute
	shortestBake = 2 * time.Minute
)

func (f *canaryFlags) add(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.StringVar(&f.share, "canary", "", "share of the alias' calls, such as 10%, that the new versions get first; needs --alias")
	flags.DurationVar(&f.bake, "bake", defaultBake, "how long the canary is watched before the alias leads all calls to the new versions")
	flags.StringVar(&f.alarm, "alarm", "", "name of a CloudWatch alarm that must be OK at the end of the canary, and rolls back if it goes off")
}

// read returns the canary that the flags ask for.
func (f *canaryFlags) read(cmd *cobra.Command, alias string) (deploy.Canary, error) {
	usage := func(format string, args ...any) (deploy.Canary, error) {
		return deploy.Canary{}, usageError{fmt.Errorf(format, args...)}
	}
	if f.share == "" {
		for _, name := range []string{"bake", "alarm"} {
			if cmd.Flags().Changed(name) {
				return usage("--%s is of a canary; pass --canary 10%% too", name)
			}
		}
		return deploy.Canary{}, nil
	}
	percent, err := strconv.ParseFloat(strings.TrimSuffix(f.share, "%"), 64)
	switch {
	case err != nil || !strings.HasSuffix(f.share, "%") || !(percent >= 1 && percent < 100):
		return usage("--canary: %q is not a share; pass 1%% to 99%%, such as --canary 10%%", f.share)
	case alias == "":
		return usage("--canary shares the calls of an alias; pass --alias NAME, the alias that callers use")
	case f.bake < shortestBake || f.bake > 12*time.Hour:
		return usage("--bake: pass a time from %s to 12h, such as --bake 5m: metrics come each minute, and late", "2m")
	case len(f.alarm) > 255:
		return usage("--alarm: an alarm's name has at most 255 characters")
	}
	return deploy.Canary{Share: percent / 100, Bake: f.bake, Alarm: f.alarm}, nil
}
