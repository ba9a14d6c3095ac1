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
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// Live is an image that a function runs.
type Live struct {
	Image   string // the image's name
	Digest  string
	Lambda  string // function:version
	Variant catalog.Variant
}

// FindLive returns the images that all versions of the functions run; an alias points to
// a version. A function that does not exist runs nothing. Any other failure is an error:
// if it is unknown what is live, nothing may be deleted.
func FindLive(ctx context.Context, api *lambda.Client, functions []catalog.Function) ([]Live, error) {
	found := make([][]Live, len(functions))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, f := range functions {
		g.Go(func() (err error) {
			if found[n], err = versions(gctx, api, f); err != nil {
				return fmt.Errorf("find the images that %s runs: %w; nothing was changed", f.Lambda, err)
			}
			return nil
		})
	}
	err := g.Wait()
	return slices.Concat(found...), err
}

func versions(ctx context.Context, api *lambda.Client, f catalog.Function) ([]Live, error) {
	var all []Live
	pages := lambda.NewListVersionsByFunctionPaginator(api, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String(f.Lambda)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var missing *types.ResourceNotFoundException
		if errors.As(err, &missing) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, v := range page.Versions {
			if v.PackageType != types.PackageTypeImage {
				continue
			}
			version := aws.ToString(v.Version)
			out, err := api.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: aws.String(f.Lambda), Qualifier: v.Version})
			if err != nil {
				return nil, fmt.Errorf("version %s: %w", version, err)
			}
			var digest string
			if out.Code != nil {
				_, digest, _ = strings.Cut(aws.ToString(out.Code.ResolvedImageUri), "@")
			}
			if digest == "" {
				return nil, fmt.Errorf("version %s: the answer of AWS does not say which image it runs", version)
			}
			all = append(all, Live{Image: f.Image, Digest: digest, Lambda: f.Lambda + ":" + version, Variant: f.Variant})
		}
	}
	return all, nil
}

// inUse returns the function that runs each digest.
func inUse(live []Live) map[string]string {
	by := map[string]string{}
	for _, l := range live {
		by[l.Digest] = l.Lambda
	}
	return by
}
