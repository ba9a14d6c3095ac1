//go:build !steps

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// first is the region where a release begins, or "".
func (f *targetFlags) first() string {
	if len(f.region) == 0 {
		return ""
	}
	return f.region[0]
}

// in returns the flags of one region, with the same login: those of a command line that names this
// region only.
func (f *targetFlags) in(ctx context.Context, region string) (targetFlags, error) {
	session, err := f.login(ctx)
	if err != nil {
		return targetFlags{}, err
	}
	one := *f
	one.region, one.session, one.hosts.Private = []string{region}, session.In(region), inRegion(f.hosts.Private, region)
	return one, nil
}

// checkRegions fails if the regions cannot be those of one release, or if the private registry is
// none of theirs.
func (f *targetFlags) checkRegions() error {
	private := f.hosts.Private
	if strings.Contains(private, catalog.RegionBlank) {
		if _, ok := reference.ParseECR(inRegion(private, "eu-central-1")); !ok {
			return fmt.Errorf("--private-registry: %q is not a registry of ECR, which alone has %s in its name; leave that out", private, catalog.RegionBlank)
		}
	}
	if len(f.region) < 2 {
		return nil
	}
	if wrong := catalog.CheckRegions(f.region); wrong != "" {
		return errors.New("--region: " + wrong)
	}
	if other := awsauth.OtherPartition(f.region); other != "" {
		return fmt.Errorf("--region: %s is in another partition of AWS than %s, with other credentials; release it on its own", other, f.region[0])
	}
	if e, ok := reference.ParseECR(private); ok {
		return fmt.Errorf("--private-registry: %q is the registry of %s alone; write %s in place of that, or leave it out for your account's", private, e.Region, catalog.RegionBlank)
	}
	return nil
}

// copies are the private registries of the other regions. A registry that is not ECR is one for all.
func (f *targetFlags) copies(first string) (all []string) {
	e, ok := reference.ParseECR(first)
	for n, region := range f.region {
		switch {
		case n == 0 || !ok && f.hosts.Private != "":
		case f.hosts.Private != "":
			all = append(all, inRegion(f.hosts.Private, region))
		case ok:
			all = append(all, awsauth.PrivateHost(e.Account, region))
		default: // before the account is known
			all = append(all, awsauth.PrivateHost("account", region))
		}
	}
	return all
}
