package retention

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"
)

// batch is how many images one BatchDeleteImage takes.
// https://docs.aws.amazon.com/AmazonECRPublic/latest/APIReference/API_BatchDeleteImage.html
const batch = 100

// Pruning is what is to become of the images of a public repository.
type Pruning struct {
	Repository string    `json:"repository"`
	Images     []Verdict `json:"images"`
}

// Deletes counts the images to delete, and their bytes.
func (p Pruning) Deletes() (images int, bytes int64) {
	for _, v := range p.Images {
		if v.Delete {
			images++
			bytes += v.Size
		}
	}
	return images, bytes
}

// PlanPublic judges the images of a public repository. names are those of the
// images that it is for.
func PlanPublic(ctx context.Context, api *ecrpublic.Client, repository string, names []string, live []Live, now time.Time) (Pruning, error) {
	inUse := map[string]string{}
	for _, l := range live {
		inUse[l.Digest] = l.Lambda
	}
	var images []Image
	pages := ecrpublic.NewDescribeImagesPaginator(api, &ecrpublic.DescribeImagesInput{RepositoryName: aws.String(repository)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return Pruning{}, fmt.Errorf("list the images of %s: %w", repository, err)
		}
		for _, d := range page.ImageDetails {
			images = append(images, Image{
				Digest: aws.ToString(d.ImageDigest), Tags: d.ImageTags,
				Pushed: aws.ToTime(d.ImagePushedAt), Size: aws.ToInt64(d.ImageSizeInBytes),
			})
		}
	}
	return Pruning{repository, Judge(images, names, inUse, now)}, nil
}

// ApplyPublic deletes what is to be deleted.
func ApplyPublic(ctx context.Context, api *ecrpublic.Client, p Pruning) error {
	var ids []types.ImageIdentifier
	for _, v := range p.Images {
		if v.Delete {
			ids = append(ids, types.ImageIdentifier{ImageDigest: aws.String(v.Digest)})
		}
	}
	for some := range slices.Chunk(ids, batch) {
		out, err := api.BatchDeleteImage(ctx, &ecrpublic.BatchDeleteImageInput{RepositoryName: aws.String(p.Repository), ImageIds: some})
		if err != nil {
			return fmt.Errorf("delete images of %s: %w", p.Repository, err)
		}
		for _, f := range out.Failures {
			if f.FailureCode != types.ImageFailureCodeImageNotFound {
				return fmt.Errorf("delete images of %s: AWS says: %s", p.Repository, aws.ToString(f.FailureReason))
			}
		}
	}
	return nil
}
