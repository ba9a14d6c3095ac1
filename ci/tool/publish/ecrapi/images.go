package ecrapi

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	publictypes "github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/report"
)

// The limits of both APIs, private and public.
const (
	// page is how many images one call lists at most; by default it lists 100.
	// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_DescribeImages.html
	page = 1000
	// batch is how many images one call reads or deletes at most.
	// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchGetImage.html
	// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
	batch = 100
)

// parallel is how many requests run at once.
const parallel = 4

// Image is an image in a repository.
type Image struct {
	Digest string    `json:"digest"`
	Tags   []string  `json:"tags,omitempty"`
	Pushed time.Time `json:"pushed"`
	Size   int64     `json:"size"` // in bytes
	// Status is that of AWS in a private repository, such as ARCHIVED; "" for ACTIVE.
	Status string `json:"status,omitempty"`
}

// Images lists the images of a private repository, also those without a tag, and archived ones.
func Images(ctx context.Context, api *ecr.Client, repository string) (images []Image, err error) {
	pages := ecr.NewDescribeImagesPaginator(api, &ecr.DescribeImagesInput{RepositoryName: aws.String(repository), MaxResults: aws.Int32(page),
		// Without it, AWS lists active images only.
		Filter: &ecrtypes.DescribeImagesFilter{ImageStatus: ecrtypes.ImageStatusFilterAny}})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the images of %s: %w", repository, err)
		}
		for _, d := range out.ImageDetails {
			i := Image{Digest: aws.ToString(d.ImageDigest), Tags: d.ImageTags, Pushed: aws.ToTime(d.ImagePushedAt), Size: aws.ToInt64(d.ImageSizeInBytes)}
			if d.ImageStatus != ecrtypes.ImageStatusActive {
				i.Status = string(d.ImageStatus)
			}
			images = append(images, i)
		}
	}
	return images, nil
}

// PublicImages lists the images of a public repository, also those without a tag.
func PublicImages(ctx context.Context, api *ecrpublic.Client, repository string) (images []Image, err error) {
	pages := ecrpublic.NewDescribeImagesPaginator(api, &ecrpublic.DescribeImagesInput{RepositoryName: aws.String(repository), MaxResults: aws.Int32(page)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the images of %s: %w", repository, err)
		}
		for _, d := range out.ImageDetails {
			images = append(images, Image{Digest: aws.ToString(d.ImageDigest), Tags: d.ImageTags, Pushed: aws.ToTime(d.ImagePushedAt), Size: aws.ToInt64(d.ImageSizeInBytes)})
		}
	}
	return images, nil
}

// TagCounts returns how many tags the images with the digests have, in a repository at AWS.
// It is empty for another registry. An image that does not exist is left out.
func (r *Registry) TagCounts(ctx context.Context, repository string, digests []string) (map[string]int, error) {
	counts := map[string]int{}
	for some := range slices.Chunk(digests, batch) {
		images, err := r.describe(ctx, repository, some)
		if is(err, imageNotFound) { // one of them, and AWS does not say which
			var all map[string][]string
			all, err = r.Images(ctx, repository)
			for _, digest := range some {
				if tags, ok := all[digest]; ok {
					images = append(images, Image{Digest: digest, Tags: tags})
				}
			}
		}
		if err != nil {
			return nil, fmt.Errorf("count the tags of images of %s: %w", repository, err)
		}
		for _, i := range images {
			counts[i.Digest] = len(i.Tags)
		}
	}
	return counts, nil
}

func (r *Registry) describe(ctx context.Context, repository string, digests []string) (images []Image, err error) {
	if name, ok := r.public(repository); ok {
		ids := make([]publictypes.ImageIdentifier, len(digests))
		for n, digest := range digests {
			ids[n].ImageDigest = aws.String(digest)
		}
		out, err := r.Public.DescribeImages(ctx, &ecrpublic.DescribeImagesInput{RepositoryName: aws.String(name), ImageIds: ids})
		if err != nil {
			return nil, err
		}
		for _, d := range out.ImageDetails {
			images = append(images, Image{Digest: aws.ToString(d.ImageDigest), Tags: d.ImageTags})
		}
	} else if api, name, ok := r.private(repository); ok {
		ids := make([]ecrtypes.ImageIdentifier, len(digests))
		for n, digest := range digests {
			ids[n].ImageDigest = aws.String(digest)
		}
		out, err := api.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: aws.String(name), ImageIds: ids})
		if err != nil {
			return nil, err
		}
		for _, d := range out.ImageDetails {
			images = append(images, Image{Digest: aws.ToString(d.ImageDigest), Tags: d.ImageTags})
		}
	}
	return images, nil
}

// Manifests returns the images of a private repository with their manifests, by digest.
// What does not exist is left out.
func Manifests(ctx context.Context, api *ecr.Client, repository string, digests []string) (map[string]ecrtypes.Image, error) {
	var mu sync.Mutex
	found := map[string]ecrtypes.Image{}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for some := range slices.Chunk(digests, batch) {
		g.Go(func() error {
			ids := make([]ecrtypes.ImageIdentifier, len(some))
			for n, digest := range some {
				ids[n].ImageDigest = aws.String(digest)
			}
			out, err := api.BatchGetImage(gctx, &ecr.BatchGetImageInput{RepositoryName: aws.String(repository), ImageIds: ids})
			if err != nil {
				return fmt.Errorf("read images of %s: %w", repository, err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, i := range out.Images {
				found[aws.ToString(i.ImageId.ImageDigest)] = i
			}
			return nil
		})
	}
	return found, g.Wait()
}

// Untag removes tags of a private repository, and each image that then has no tag. A tag
// that does not exist is no error. It goes on after a failure, and returns all.
func Untag(ctx context.Context, api *ecr.Client, repository string, tags []string) error {
	ids := make([]ecrtypes.ImageIdentifier, len(tags))
	for n, tag := range tags {
		ids[n].ImageTag = aws.String(tag)
	}
	return deletePrivate(ctx, api, repository, ids)
}

// Delete deletes images of a private repository by digest, as [Untag] removes tags.
func Delete(ctx context.Context, api *ecr.Client, repository string, digests []string) error {
	ids := make([]ecrtypes.ImageIdentifier, len(digests))
	for n, digest := range digests {
		ids[n].ImageDigest = aws.String(digest)
	}
	return deletePrivate(ctx, api, repository, ids)
}

func deletePrivate(ctx context.Context, api *ecr.Client, repository string, images []ecrtypes.ImageIdentifier) error {
	var errs []error
	for some := range slices.Chunk(images, batch) {
		out, err := api.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{RepositoryName: aws.String(repository), ImageIds: some})
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, f := range out.Failures {
			if f.FailureCode != ecrtypes.ImageFailureCodeImageNotFound {
				id := aws.ToString(f.ImageId.ImageTag) + aws.ToString(f.ImageId.ImageDigest)
				errs = append(errs, fmt.Errorf("%s: AWS answers: %s", id, report.Line(aws.ToString(f.FailureReason))))
			}
		}
	}
	return errors.Join(errs...)
}

// DeletePublic deletes images of a public repository, by tag or digest. An image that does
// not exist is no error. It goes on after a failure, and returns all.
func DeletePublic(ctx context.Context, api *ecrpublic.Client, repository string, images []publictypes.ImageIdentifier) error {
	var errs []error
	for some := range slices.Chunk(images, batch) {
		out, err := api.BatchDeleteImage(ctx, &ecrpublic.BatchDeleteImageInput{RepositoryName: aws.String(repository), ImageIds: some})
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		for _, f := range out.Failures {
			if f.FailureCode != publictypes.ImageFailureCodeImageNotFound {
				id := aws.ToString(f.ImageId.ImageTag) + aws.ToString(f.ImageId.ImageDigest)
				errs = append(errs, fmt.Errorf("%s: AWS answers: %s", id, report.Line(aws.ToString(f.FailureReason))))
			}
		}
	}
	return errors.Join(errs...)
}
