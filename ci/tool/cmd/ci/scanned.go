//go:build !steps

package main

import (
	"errors"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/inspect/vulncheck"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// scanned adds to the report what ECR has found in the images that the functions run.
func (a *app) scanned(cmd *cobra.Command, f *buildFlags, flags *fleetFlags, r *vulncheck.Report) (err error) {
	if err := flags.check(); err != nil {
		return err
	}
	c, functions, err := a.selected(f.only)
	if err != nil {
		return err
	}
	fl, err := flags.open(cmd.Context(), c)
	if err != nil {
		return err
	}
	if fl.ecr == nil {
		return usageError{errors.New("--published: the private registry is not ECR, which has the scans; leave --private-registry out")}
	}
	done := report.NewProgress(cmd.ErrOrStderr()).Step("read the scans of ECR")
	defer func() { done(err) }()
	functions = catalog.Running(functions)
	var all []vulncheck.Published
	for n, item := range reference.PrivateItems(functions, fl.hosts, "") {
		p := vulncheck.Published{Image: item.Image, Lambda: functions[n].Lambda}
		now, err := fl.lambda.Function(cmd.Context(), p.Lambda, "")
		if err != nil && !errors.Is(err, deploy.ErrMissing) {
			return err
		}
		if p.Digest, p.Platform = now.Digest, now.Platform(); p.Digest != "" {
			if p.Scan, err = ecrapi.ReadScan(cmd.Context(), fl.ecr, reference.RepositoryName(item.Tier, item.Repository), p.Digest); err != nil {
				return err
			}
		}
		all = append(all, p)
	}
	r.AddPublished(all)
	return nil
}
