package retention

import (
	"context"
	"fmt"
	"slices"

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
	// Removed are names that the catalog does not have here.
	Removed []Removed `json:"removed,omitempty"`
	// Surplus are tags and documents that images have too many of.
	Surplus  []Surplus `json:"surplus,omitempty"`
	Warnings []string  `json:"warnings,omitempty"`
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

// Attached reads a repository at its registry: the API of ECR Public has no call for what is
// attached to an image.
type Attached interface {
	// Referrers returns what is attached to a digest; nothing, if the registry does not have
	// the digest or the repository.
	Referrers(ctx context.Context, digest string) ([]Document, error)
	// Has tells whether the registry has the digest.
	Has(ctx context.Context, digest string) (bool, error)
}

// PlanPublic judges the images of a public repository. names are the image names that the
// repository is for. It fails if it cannot find out what is attached to an image, because
// an attached document looks like an image without a tag.
func PlanPublic(ctx context.Context, repository string, images []Image, names Names, f Facts, attached Attached) (Pruning, error) {
	documents, err := findDocuments(ctx, images, attached)
	if err != nil {
		return Pruning{}, fmt.Errorf("list the images of %s: %w", repository, err)
	}
	subjects := map[string]string{}
	for _, d := range documents {
		subjects[d.Digest] = d.Subject
	}
	p := Pruning{Repository: repository, Surplus: surplus(images, names, deletable(images, documents), f.Records.Commits)}
	images = without(images, p.Surplus)
	p.Removed, p.Warnings = removed(images, names, f.Side), warnings("ecr-public", repository, images)
	expire, err := f.expiring(repository, p.Removed)
	if err != nil {
		return Pruning{}, err
	}
	p.Images = rules{names, nil, expire, f.inUse(), f.Now, f.keep()}.judge(images, subjects)
	return p, nil
}

// deletable are the documents that AWS deletes: none of an image whose documents are in a
// list, because AWS does not delete what a list names.
func deletable(images []Image, documents []Document) []Document {
	lists := withLists(images, nil)
	subjects := map[string]bool{}
	for _, subject := range lists {
		subjects[subject] = true
	}
	return slices.DeleteFunc(slices.Clone(documents), func(d Document) bool { return subjects[d.Subject] })
}

// findDocuments returns what is attached to the images. It asks for every digest, also that
// of a document: a document may have a signature attached.
func findDocuments(ctx context.Context, images []Image, attached Attached) ([]Document, error) {
	untagged := slices.IndexFunc(images, func(i Image) bool { return len(i.Tags) == 0 })
	if untagged < 0 {
		return nil, nil // every attached document is without a tag
	}
	found := make([][]Document, len(images))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for n, i := range images {
		g.Go(func() (err error) {
			all, err := attached.Referrers(gctx, i.Digest)
			for _, d := range all {
				if d.Digest != i.Digest {
					d.Subject = i.Digest
					found[n] = append(found[n], d)
				}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	all := slices.Concat(found...)
	if len(all) > 0 {
		return all, nil
	}
	// Nothing is attached, or this is not the registry of these images.
	has, err := attached.Has(ctx, images[untagged].Digest)
	if err == nil && !has {
		err = fmt.Errorf("the registry does not have %s, which AWS lists; pass the right one with --public-registry; nothing was changed", images[untagged].Digest)
	}
	return nil, err
}

// ApplyPublic deletes the images that [PlanPublic] chose. A document that the registry
// deleted by itself together with its image is not a failure.
func ApplyPublic(ctx context.Context, api *ecrpublic.Client, p Pruning) error {
	if err := ApplyPublicSurplus(ctx, api, p.Repository, p.Surplus); err != nil {
		return err
	}
	// Lists first: AWS does not delete an image that a list names.
	var lists, others []types.ImageIdentifier
	for _, v := range p.Images {
		id := types.ImageIdentifier{ImageDigest: aws.String(v.Digest)}
		for _, tag := range v.Untag {
			others = append(others, types.ImageIdentifier{ImageTag: aws.String(tag)})
		}
		switch {
		case v.Delete && isList(v.Image):
			lists = append(lists, id)
		case v.Delete && len(v.Tags) == 0:
			others = append(others, id)
		case v.Delete: // by the tags that it had: one that a publish set since keeps it
			for _, tag := range v.Tags {
				others = append(others, types.ImageIdentifier{ImageTag: aws.String(tag)})
			}
		}
	}
	for _, ids := range [][]types.ImageIdentifier{lists, others} {
		if err := ecrapi.DeletePublic(ctx, api, p.Repository, ids); err != nil {
			return fmt.Errorf("delete images of %s: %w", p.Repository, err)
		}
	}
	return nil
}
