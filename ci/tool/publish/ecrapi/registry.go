package ecrapi

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	publictypes "github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry"
)

// Registry is a client of ECR's registries. It removes tags with the API of AWS, because
// the registry protocol of ECR deletes only whole manifests. For other registries it is a
// client like any other.
type Registry struct {
	*registry.Client
	Private *ecr.Client
	Public  *ecrpublic.Client
	// Hosts are those of the registries that AWS runs; one that it does not run is "".
	Hosts publish.Hosts
}

// Untag removes a tag. It is no error if the tag does not exist.
func (r *Registry) Untag(ctx context.Context, repository, tag string) error {
	var failed string
	var err error
	if name, ok := strings.CutPrefix(repository, r.Hosts.Public+"/"); ok {
		var out *ecrpublic.BatchDeleteImageOutput
		out, err = r.Public.BatchDeleteImage(ctx, &ecrpublic.BatchDeleteImageInput{
			RepositoryName: aws.String(name), ImageIds: []publictypes.ImageIdentifier{{ImageTag: aws.String(tag)}},
		})
		for i := 0; err == nil && i < len(out.Failures); i++ {
			if out.Failures[i].FailureCode != publictypes.ImageFailureCodeImageNotFound {
				failed = aws.ToString(out.Failures[i].FailureReason)
			}
		}
	} else if name, ok := strings.CutPrefix(repository, r.Hosts.Private+"/"); ok {
		var out *ecr.BatchDeleteImageOutput
		out, err = r.Private.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{
			RepositoryName: aws.String(name), ImageIds: []ecrtypes.ImageIdentifier{{ImageTag: aws.String(tag)}},
		})
		for i := 0; err == nil && i < len(out.Failures); i++ {
			if out.Failures[i].FailureCode != ecrtypes.ImageFailureCodeImageNotFound {
				failed = aws.ToString(out.Failures[i].FailureReason)
			}
		}
	} else {
		return r.Client.Untag(ctx, repository, tag)
	}
	if err == nil && failed != "" {
		err = fmt.Errorf("AWS answers: %s", failed)
	}
	if err != nil {
		return fmt.Errorf("untag %s in %s: %w", tag, repository, err)
	}
	return nil
}

// Digests lists the digests of all images in the repository, also of those without a tag.
// A repository that does not exist has none, and neither has one that is not at AWS: there,
// images are found by their tags.
func (r *Registry) Digests(ctx context.Context, repository string) (digests []string, err error) {
	if name, ok := strings.CutPrefix(repository, r.Hosts.Public+"/"); ok {
		pages := ecrpublic.NewDescribeImagesPaginator(r.Public, &ecrpublic.DescribeImagesInput{RepositoryName: aws.String(name)})
		err = eachPage(ctx, pages, func(page *ecrpublic.DescribeImagesOutput) {
			for _, d := range page.ImageDetails {
				digests = append(digests, aws.ToString(d.ImageDigest))
			}
		})
	} else if name, ok := strings.CutPrefix(repository, r.Hosts.Private+"/"); ok {
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
