package ecrapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
)

// Digests lists the digests of all images in the repository, also of those without a tag.
// A repository that does not exist has none.
func (r *Registry) Digests(ctx context.Context, repository string) (digests []string, err error) {
	if name, ok := strings.CutPrefix(repository, r.Hosts.Public+"/"); ok {
		pages := ecrpublic.NewDescribeImagesPaginator(r.Public, &ecrpublic.DescribeImagesInput{RepositoryName: aws.String(name)})
		err = eachPage(ctx, pages, func(page *ecrpublic.DescribeImagesOutput) {
			for _, d := range page.ImageDetails {
				digests = append(digests, aws.ToString(d.ImageDigest))
			}
		})
	} else {
		name := strings.TrimPrefix(repository, r.Hosts.Private+"/")
		pages := ecr.NewDescribeImagesPaginator(r.Private, &ecr.DescribeImagesInput{RepositoryName: aws.String(name)})
		err = eachPage(ctx, pages, func(page *ecr.DescribeImagesOutput) {
			for _, d := range page.ImageDetails {
				digests = append(digests, aws.ToString(d.ImageDigest))
			}
		})
	}
	if err != nil && !is(err, notFound) {
		return nil, fmt.Errorf("list the images of %s: %w", repository, err)
	}
	return digests, nil
}

// pages is a paginator of the AWS SDK.
type pages[Page, Option any] interface {
	HasMorePages() bool
	NextPage(context.Context, ...Option) (Page, error)
}

// eachPage calls use for every page.
func eachPage[Page, Option any](ctx context.Context, from pages[Page, Option], use func(Page)) error {
	for from.HasMorePages() {
		page, err := from.NextPage(ctx)
		if err != nil {
			return err
		}
		use(page)
	}
	return nil
}
