package ecrapi

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// moving are the ends of the tags that move to the next image; commit tags never do.
func moving(tags catalog.Tags) []string { return []string{tags.LatestEnd(), reference.LiveSuffix} }

// stuck returns a tag of the images that could not move in the repository, or "".
// https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
func stuck(r ecrtypes.Repository, images []string, tags catalog.Tags) string {
	for _, image := range images {
		for _, suffix := range moving(tags) {
			tag := image + suffix
			// A filter has * for any characters, and no other pattern.
			// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageTagMutabilityExclusionFilter.html
			excluded := slices.ContainsFunc(r.ImageTagMutabilityExclusionFilters, func(f ecrtypes.ImageTagMutabilityExclusionFilter) bool {
				matches, err := path.Match(aws.ToString(f.Filter), tag)
				return err == nil && matches
			})
			switch r.ImageTagMutability {
			case ecrtypes.ImageTagMutabilityImmutable:
				return tag
			case ecrtypes.ImageTagMutabilityImmutableWithExclusion:
				if !excluded {
					return tag
				}
			case ecrtypes.ImageTagMutabilityMutableWithExclusion:
				if excluded {
					return tag
				}
			}
		}
	}
	return ""
}

// release returns the error of a repository whose tag could not move, with the command that
// lets it move and keeps the commit tags immutable. The command is
// for the region.
func release(r ecrtypes.Repository, tag, region string, tags catalog.Tags) error {
	var filters []string
	if r.ImageTagMutability == ecrtypes.ImageTagMutabilityImmutableWithExclusion {
		for _, f := range r.ImageTagMutabilityExclusionFilters {
			filters = append(filters, aws.ToString(f.Filter))
		}
	}
	for _, suffix := range moving(tags) {
		if !slices.Contains(filters, "*"+suffix) {
			filters = append(filters, "*"+suffix)
		}
	}
	name, where := aws.ToString(r.RepositoryName), " --region "+region
	if r.RegistryId != nil {
		where += " --registry-id " + *r.RegistryId
	}
	return fmt.Errorf("publish to the private repository %s: its tags are %s, so %s could not move; let it move: "+
		"aws ecr put-image-tag-mutability%s --repository-name %s --image-tag-mutability %s --image-tag-mutability-exclusion-filters 'filterType=WILDCARD,filter=%s'",
		name, r.ImageTagMutability, tag, where, name, ecrtypes.ImageTagMutabilityImmutableWithExclusion,
		strings.Join(filters, "' 'filterType=WILDCARD,filter="))
}
