package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
)

// Function is a Lambda function that runs, or ran, images of a name.
type Function struct {
	Image, Lambda string
	// Released says from what it is known that the function exists: a release record or a
	// live tag. It is empty if nothing says so.
	Released string
	// Removed is true if the catalog does not have the function any more.
	Removed bool
}

// Live is an image that a function runs.
type Live struct {
	Image   string // the image's name
	Digest  string
	Lambda  string // function:version, or the tag that says so
	Version string
	// Side is set if the function runs elsewhere.
	Side reference.Side
}

// errUnknown ends each message about what is live and cannot be found out.
const errUnknown = "it is unknown what is live, so nothing was changed"

// FindLive returns the images that all versions of the functions run; an alias points to
// a version. What is unknown is an error, because then nothing may be deleted: if none of
// the functions exists in the region, if one is missing that has been released, or if AWS
// lists no version of one. A function that was never released and does not exist runs
// nothing. An account that only has the registry runs nothing either: others are the sides
// that are known to run images, and none is of this account.
func FindLive(ctx context.Context, api *lambda.Client, own reference.Side, functions []Function, others []reference.Side) ([]Live, error) {
	found := make([][]Live, len(functions))
	missing := make([]bool, len(functions))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, f := range functions {
		g.Go(func() (err error) {
			found[n], err = versions(gctx, api, f)
			var none *types.ResourceNotFoundException
			if missing[n] = errors.As(err, &none); err != nil && !missing[n] {
				return fmt.Errorf("find the images that %s runs: %w; %s", f.Lambda, err, errUnknown)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if !slices.Contains(missing, false) {
		if len(others) > 0 && !slices.ContainsFunc(others, func(s reference.Side) bool { return s.Account == own.Account }) {
			return nil, nil
		}
		return nil, fmt.Errorf("find the images that functions run: none of %s exists in %s; pass the region of the functions with --region; %s",
			namesOf(functions), own.Region, errUnknown)
	}
	var lost []Function
	for n, f := range functions {
		if missing[n] && f.Released != "" && !f.Removed {
			lost = append(lost, f)
		}
	}
	if len(lost) > 0 {
		return nil, fmt.Errorf("find the images that functions run: %s does not exist in %s, but %s; create it again, or remove the folder of %s from functions/ if it is gone for good; %s",
			namesOf(lost), own.Region, lost[0].Released, lost[0].Image, errUnknown)
	}
	return slices.Concat(found...), nil
}

// namesOf names the first functions, and counts the others.
func namesOf(functions []Function) string {
	const most = 3
	var names []string
	for _, f := range functions[:min(most, len(functions))] {
		names = append(names, f.Lambda)
	}
	text := strings.Join(names, ", ")
	if more := len(functions) - most; more > 0 {
		text += fmt.Sprintf(" and %d more", more)
	}
	return text
}

// latestPublished is the version that calls without a qualifier run on Lambda Managed Instances.
// https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
const latestPublished = "$LATEST.PUBLISHED"

func versions(ctx context.Context, api *lambda.Client, f Function) ([]Live, error) {
	var names []string // of the versions that run images
	listed, instances := 0, false
	pages := lambda.NewListVersionsByFunctionPaginator(api, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String(f.Lambda)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		listed += len(page.Versions)
		for _, v := range page.Versions {
			if v.PackageType != types.PackageTypeZip {
				names = append(names, aws.ToString(v.Version))
				instances = instances || v.CapacityProviderConfig != nil
			}
		}
	}
	if listed == 0 { // every function has at least the version $LATEST
		return nil, fmt.Errorf("AWS lists %s of it", report.Count(0, "version"))
	}
	if instances && !slices.Contains(names, latestPublished) {
		names = append(names, latestPublished)
	}
	var all []Live
	for _, version := range names {
		out, err := api.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(f.Lambda), Qualifier: aws.String(version)})
		var none *types.ResourceNotFoundException
		if version == latestPublished && errors.As(err, &none) {
			continue // nothing was published
		}
		if err != nil {
			// Not %w: that this version is missing does not mean that the function is.
			return nil, fmt.Errorf("version %s: %s", version, err.Error())
		}
		var digest string
		if out.Code != nil {
			_, digest, _ = strings.Cut(aws.ToString(out.Code.ResolvedImageUri), "@")
		}
		if _, err := v1.NewHash(digest); err != nil {
			return nil, fmt.Errorf("version %s: the answer of AWS does not say which image it runs", version)
		}
		all = append(all, Live{Image: f.Image, Digest: digest, Lambda: f.Lambda + ":" + version, Version: version})
	}
	return all, nil
}
