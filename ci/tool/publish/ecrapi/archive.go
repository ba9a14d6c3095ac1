package ecrapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
)

// Archived tells whether the image cannot be pulled because it is in the archive storage class, or
// on its way back. A status that is not known counts as archived.
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html
func (i Image) Archived() bool {
	return i.Status != "" && i.Status != string(ecrtypes.ImageStatusActive)
}

// Restore brings archived images of a private repository back, and waits until all can be
// pulled, which takes AWS about 20 minutes. sleep waits between two looks; its error ends the wait.
func Restore(ctx context.Context, api *ecr.Client, repository string, digests []string, sleep func(context.Context) error) error {
	asked := map[string]bool{}
	for {
		images, err := Images(ctx, api, repository)
		if err != nil {
			return err
		}
		waiting := 0
		for _, i := range images {
			if !slices.Contains(digests, i.Digest) || !i.Archived() {
				continue
			}
			waiting++
			if i.Status != string(ecrtypes.ImageStatusArchived) || asked[i.Digest] {
				continue
			}
			if _, err := api.UpdateImageStorageClass(ctx, &ecr.UpdateImageStorageClassInput{
				RepositoryName: aws.String(repository), ImageId: &ecrtypes.ImageIdentifier{ImageDigest: aws.String(i.Digest)},
				TargetStorageClass: ecrtypes.TargetStorageClassStandard,
			}); err != nil {
				return fmt.Errorf("restore %s in %s: %w", i.Digest, repository, err)
			}
			asked[i.Digest] = true
		}
		if waiting == 0 {
			return nil
		}
		if err := sleep(ctx); err != nil {
			return fmt.Errorf("wait for archived images of %s: %w", repository, err)
		}
	}
}

// RestoreTakes is how long AWS takes to restore an image at most, as it says.
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html
const RestoreTakes = 20 * time.Minute
