package retention

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/registry/referrer"
)

// documentsOf reads what is attached to images of a private repository. It reads nothing if
// no image has many tags: only then it matters.
func documentsOf(ctx context.Context, api *ecr.Client, repository string, images []Image, names Names) ([]Document, error) {
	if !slices.ContainsFunc(images, func(i Image) bool { return crowded(i, names) }) {
		return nil, nil
	}
	var untagged []string
	for _, i := range images {
		if len(i.Tags) == 0 {
			untagged = append(untagged, i.Digest)
		}
	}
	manifests, err := ecrapi.Manifests(ctx, api, repository, untagged)
	if err != nil {
		return nil, err
	}
	var all []Document
	for digest, i := range manifests {
		m, err := v1.ParseManifest(bytes.NewReader([]byte(aws.ToString(i.ImageManifest))))
		if err != nil || m.Subject == nil {
			continue // no document
		}
		all = append(all, Document{digest, m.Subject.Digest.String(), m.Annotations[referrer.AnnotationCommit]})
	}
	return all, nil
}

// PlanRoom returns what the images of a private repository have too many of. records are the
// commits of release records.
func PlanRoom(ctx context.Context, api *ecr.Client, repository string, names Names, records []string) ([]Surplus, error) {
	images, err := ecrapi.Images(ctx, api, repository)
	if err != nil {
		return nil, err
	}
	documents, err := documentsOf(ctx, api, repository, images, names)
	return surplus(images, names, documents, records), err
}

// PlanPublicRoom is [PlanRoom] for a public repository.
func PlanPublicRoom(ctx context.Context, api *ecrpublic.Client, repository string, names Names, records []string, attached Attached) ([]Surplus, error) {
	images, err := ecrapi.PublicImages(ctx, api, repository)
	if err != nil {
		return nil, err
	}
	documents, err := findDocuments(ctx, slices.DeleteFunc(slices.Clone(images), func(i Image) bool { return len(i.Tags) > 0 && !crowded(i, names) }), attached)
	if err != nil {
		return nil, fmt.Errorf("list the images of %s: %w", repository, err)
	}
	return surplus(images, names, deletable(images, documents), records), nil
}

// ApplySurplus removes tags and documents of a private repository. Each image keeps a tag, so
// none is deleted.
func ApplySurplus(ctx context.Context, api *ecr.Client, repository string, all []Surplus) error {
	var tags, documents []string
	for _, s := range all {
		tags, documents = append(tags, s.Tags...), append(documents, s.Documents...)
	}
	if err := ecrapi.Untag(ctx, api, repository, tags); err != nil {
		return fmt.Errorf("remove tags of %s: %w", repository, err)
	}
	if err := ecrapi.Delete(ctx, api, repository, documents); err != nil {
		return fmt.Errorf("remove documents of %s: %w", repository, err)
	}
	return nil
}

// ApplyPublicSurplus is [ApplySurplus] for a public repository.
func ApplyPublicSurplus(ctx context.Context, api *ecrpublic.Client, repository string, all []Surplus) error {
	var ids []types.ImageIdentifier
	for _, s := range all {
		for _, tag := range s.Tags {
			ids = append(ids, types.ImageIdentifier{ImageTag: aws.String(tag)})
		}
	}
	for _, s := range all {
		for _, digest := range s.Documents {
			ids = append(ids, types.ImageIdentifier{ImageDigest: aws.String(digest)})
		}
	}
	if err := ecrapi.DeletePublic(ctx, api, repository, ids); err != nil {
		return fmt.Errorf("remove tags and documents of %s: %w", repository, err)
	}
	return nil
}
