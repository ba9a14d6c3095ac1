package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// privateUsage is the text of --private-registry, and regionUsage that of --region where it may be
// a list. One region or none is what every AWS tool has.
const (
	privateUsage = "private registry, host[:port][/path], with " + catalog.RegionBlank + " for each region's in ECR (default: ECR of the account and region)"
	regionUsage  = "AWS region, or several with commas between, the first where a release begins (default: as for every AWS tool)"
)

// addRegions adds --region, as a list: a command that acts in one region refuses several, see
// [oneRegion]. when says when the flag has an effect, if not always.
func addRegions(cmd *cobra.Command, regions *[]string, when string) {
	usage := regionUsage
	if when != "" {
		usage = when + ": AWS region (default: as for every AWS tool)"
	}
	cmd.Flags().StringSliceVar(regions, "region", nil, usage)
}

// oneRegion returns the region of what acts in one, or "" if none is passed.
func oneRegion(what string, regions []string) (string, error) {
	switch len(regions) {
	case 0:
		return "", nil
	case 1:
		return regions[0], nil
	}
	return "", usageError{fmt.Errorf("--region: %s acts in one region; pass --region with one of %s", what, strings.Join(regions, ", "))}
}

// inRegion names a private registry in the region: a flag may leave a blank for it.
func inRegion(registry, region string) string {
	return strings.ReplaceAll(registry, catalog.RegionBlank, region)
}
