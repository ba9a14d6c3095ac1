package ecrapi

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	publictypes "github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"
)

// Digests lists all that the repository holds, also what has no tag; one that is
// not there holds nothing.
func (r *Registry) Digests(ctx context.Context, repository string) (digests []string, err error) {
	if name, ok := strings.CutPrefix(repository, r.Hosts.Public+"/"); ok {
		digests, err = r.publicDigests(ctx, name)
	} else {
		digests, err = r.privateDigests(ctx, strings.TrimPrefix(repository, r.Hosts.Private+"/"))
	}
	if err != nil {
		return nil, fmt.Errorf("list the images of %s: %w", repository, err)
	}
	return digests, nil
}

func (r *Registry) privateDigests(ctx context.Context, name string) ([]string, error) {
	var digests []string
	pages := ecr.NewDescribeImagesPaginator(r.Private, &ecr.DescribeImagesInput{RepositoryName: aws.String(name)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var missing *ecrtypes.RepositoryNotFoundException
		if errors.As(err, &missing) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, d := range page.ImageDetails {
			digests = append(digests, aws.ToString(d.ImageDigest))
		}
	}
	return digests, nil
}

func (r *Registry) publicDigests(ctx context.Context, name string) ([]string, error) {
	var digests []string
	pages := ecrpublic.NewDescribeImagesPaginator(r.Public, &ecrpublic.DescribeImagesInput{RepositoryName: aws.String(name)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		var missing *publictypes.RepositoryNotFoundException
		if errors.As(err, &missing) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, d := range page.ImageDetails {
			digests = append(digests, aws.ToString(d.ImageDigest))
		}
	}
	return digests, nil
}
