package retention

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/publish/ecrapi"
)

// parallel is how many requests run at once.
const parallel = 8

// Pruning says which images of a public repository are deleted.
type Pruning struct {
	Repository string    `json:"repository"`
	Images     []Verdict `json:"images"`
	Warnings   []string  `json:"warnings,omitempty"`
}

// deletes counts the images to delete, and their bytes.
func deletes(verdicts []Verdict) (images int, bytes int64) {
	for _, v := range verdicts {
		if v.Delete {
			images++
			bytes += v.Size
		}
	}
	return images, bytes
}

// Referrers returns the digests of what is attached to a digest in the repository. The
// API of ECR Public has no call for it.
type Referrers func(ctx context.Context, digest string) ([]string, error)

// PlanPublic judges the images of a public repository. names are the image names that the
// repository is for. It fails if it cannot find out what is attached to an image, because
// an attached document looks like an image without a tag.
func PlanPublic(ctx context.Context, api *ecrpublic.Client, repository string, names []string, live []Live, referrers Referrers, now time.Time) (Pruning, error) {
	images, err := ecrapi.PublicImages(ctx, api, repository)
	if err != nil {
		return Pruning{}, err
	}
	subjects, err := findSubjects(ctx, images, referrers)
	if err != nil {
		return Pruning{}, fmt.Errorf("list the images of %s: %w", repository, err)
	}
	return Pruning{repository, Judge(images, names, inUse(live), subjects, now), warnings("ecr-public", repository, images)}, nil
}

// findSubjects returns what is attached to which image. It asks for every digest, also
// that of a document: a document may have a signature attached.
func findSubjects(ctx context.Context, images []Image, referrers Referrers) (map[string]string, error) {
	subjects := map[string]string{}
	if !slices.ContainsFunc(images, func(i Image) bool { return len(i.Tags) == 0 }) {
		return subjects, nil // every attached document is without a tag
	}
	var mu sync.Mutex
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, i := range images {
		g.Go(func() error {
			attached, err := referrers(gctx, i.Digest)
			mu.Lock()
			defer mu.Unlock()
			for _, digest := range attached {
				if digest != i.Digest {
					subjects[digest] = i.Digest
				}
			}
			return err
		})
	}
	return subjects, g.Wait()
}

// ApplyPublic deletes the images that [PlanPublic] chose. A document that the registry
// deleted by itself together with its image is not a failure.
func ApplyPublic(ctx context.Context, api *ecrpublic.Client, p Pruning) error {
	// Lists first: AWS does not delete an image that a list names.
	var lists, others []types.ImageIdentifier
	for _, v := range p.Images {
		id := types.ImageIdentifier{ImageDigest: aws.String(v.Digest)}
		switch {
		case v.Delete && isList(v.Image):
			lists = append(lists, id)
		case v.Delete:
			others = append(others, id)
		}
	}
	for _, ids := range [][]types.ImageIdentifier{lists, others} {
		if err := ecrapi.DeletePublic(ctx, api, p.Repository, ids); err != nil {
			return fmt.Errorf("delete images of %s: %w", p.Repository, err)
		}
	}
	return nil
}
