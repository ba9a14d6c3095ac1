package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/rogpeppe/go-internal/diff"

	"lambdas.internal/ci/tool/publish"
)

// Change is what a private repository needs to match its policy.
type Change struct {
	Repository string `json:"repository"`
	// Diff is the change of the lifecycle policy; empty if the policy is right already.
	Diff string `json:"diff,omitempty"`
	// Shields are tags for images that functions run. They are set before the policy, so
	// that no rule expires these images.
	Shields []Shield `json:"shields,omitempty"`
	policy  string
}

// Shield is a tag that protects an image that a function runs.
type Shield struct {
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
	Lambda string `json:"lambda"`
}

// PlanPrivate compares the policy of a private repository with the given one, and finds
// the images that functions run and that no tag protects.
func PlanPrivate(ctx context.Context, api *ecr.Client, repository, policy string, live []Live) (Change, error) {
	c := Change{Repository: repository, policy: policy}
	before := ""
	out, err := api.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: aws.String(repository)})
	var none *types.LifecyclePolicyNotFoundException
	switch {
	case err == nil:
		before = Normal(aws.ToString(out.LifecyclePolicyText))
	case !errors.As(err, &none):
		return Change{}, fmt.Errorf("read the lifecycle policy of %s: %w", repository, err)
	}
	c.Diff = string(diff.Diff(repository+" now", []byte(before), repository+" then", []byte(policy)))

	there, err := privateTags(ctx, api, repository)
	if err != nil {
		return Change{}, err
	}
	for _, l := range live {
		tags, ok := there[l.Digest]
		if !ok {
			continue // the image is in another repository
		}
		tag := fmt.Sprintf("%s-%s%s", l.Image, strings.TrimPrefix(l.Digest, "sha256:")[:12], publish.LiveSuffix)
		shielded := slices.ContainsFunc(tags, func(t string) bool { return strings.HasSuffix(t, publish.LiveSuffix) })
		if !shielded {
			c.Shields = append(c.Shields, Shield{Tag: tag, Digest: l.Digest, Lambda: l.Lambda})
			there[l.Digest] = append(tags, tag)
		}
	}
	return c, nil
}

func privateTags(ctx context.Context, api *ecr.Client, repository string) (map[string][]string, error) {
	tags := map[string][]string{}
	pages := ecr.NewDescribeImagesPaginator(api, &ecr.DescribeImagesInput{RepositoryName: aws.String(repository)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the images of %s: %w", repository, err)
		}
		for _, d := range page.ImageDetails {
			tags[aws.ToString(d.ImageDigest)] = d.ImageTags
		}
	}
	return tags, nil
}

// ApplyPrivate carries out a change: first the tags, then the policy.
func ApplyPrivate(ctx context.Context, api *ecr.Client, c Change) error {
	for _, s := range c.Shields {
		if err := shield(ctx, api, c.Repository, s); err != nil {
			return fmt.Errorf("set a tag that protects %s, which %s runs: %w", s.Digest, s.Lambda, err)
		}
	}
	if c.Diff == "" {
		return nil
	}
	_, err := api.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{
		RepositoryName: aws.String(c.Repository), LifecyclePolicyText: aws.String(c.policy),
	})
	if err != nil {
		return fmt.Errorf("set the lifecycle policy of %s: %w", c.Repository, err)
	}
	return nil
}

// shield sets the tag of an image.
func shield(ctx context.Context, api *ecr.Client, repository string, s Shield) error {
	got, err := api.BatchGetImage(ctx, &ecr.BatchGetImageInput{
		RepositoryName: aws.String(repository), ImageIds: []types.ImageIdentifier{{ImageDigest: aws.String(s.Digest)}},
	})
	if err != nil {
		return err
	}
	if len(got.Images) != 1 {
		return errors.New("the answer of AWS has no manifest")
	}
	_, err = api.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: aws.String(repository), ImageTag: aws.String(s.Tag),
		ImageManifest: got.Images[0].ImageManifest, ImageManifestMediaType: got.Images[0].ImageManifestMediaType,
	})
	var there *types.ImageAlreadyExistsException
	if errors.As(err, &there) {
		return nil
	}
	return err
}
