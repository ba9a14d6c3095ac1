package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/report"
)

// Change is what a private repository needs to match its policy.
type Change struct {
	Repository string `json:"repository"`
	// Diff is the change of the lifecycle policy; empty if the policy is right already.
	Diff string `json:"diff,omitempty"`
	// Shields are tags for images that functions run. They are set before the policy, so
	// that no rule expires these images.
	Shields []Shield `json:"shields,omitempty"`
	// Left are the names that the policy has no room for, and Images their images, of
	// which some are deleted.
	Left   []string  `json:"namesWithoutRule,omitempty"`
	Images []Verdict `json:"images,omitempty"`
	// Warnings name images that soon have too many tags.
	Warnings []string `json:"warnings,omitempty"`
	policy   string
}

// Shield is a tag that protects an image that a function runs.
type Shield struct {
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
	Lambda string `json:"lambda"`
}

// PlanPrivate compares the policy of a private repository with the given one, and finds
// the images that functions run and that no tag protects. left are the names that the
// policy has no room for.
func PlanPrivate(ctx context.Context, api *ecr.Client, repository, policy string, left []string, live []Live, now time.Time) (Change, error) {
	c := Change{Repository: repository, Left: left, policy: policy}
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

	images, err := ecrapi.Images(ctx, api, repository)
	if err != nil {
		return Change{}, err
	}
	c.Warnings = warnings("ecr", repository, images)
	c.Images = judgeTagged(images, left, inUse(live), now)
	there := map[string][]string{}
	for _, i := range images {
		there[i.Digest] = i.Tags
	}
	for _, l := range live {
		tags, ok := there[l.Digest]
		if !ok {
			continue // the image is in another repository
		}
		tag := fmt.Sprintf("%s-%s%s", l.Image, strings.TrimPrefix(l.Digest, "sha256:")[:12], publish.LiveSuffix)
		shielded := slices.ContainsFunc(tags, func(t string) bool { return strings.HasSuffix(t, publish.LiveSuffix) })
		if !shielded && len(tags) >= maxTags {
			return Change{}, fmt.Errorf("protect %s, which %s runs: it has %d tags, and AWS accepts no more; %s; nothing was changed",
				report.Digest(l.Digest), l.Lambda, len(tags), untag("ecr", repository))
		}
		if !shielded {
			c.Shields = append(c.Shields, Shield{Tag: tag, Digest: l.Digest, Lambda: l.Lambda})
			there[l.Digest] = append(tags, tag)
		}
	}
	return c, nil
}

// ApplyPrivate carries out a change: first the tags, then the policy, then the deletions.
// An image is deleted by removing the tags that it had in the plan: if it got another
// tag since, such as a live tag, it stays.
func ApplyPrivate(ctx context.Context, api *ecr.Client, c Change) error {
	if err := setShields(ctx, api, c.Repository, c.Shields); err != nil {
		return err
	}
	if c.Diff != "" {
		_, err := api.PutLifecyclePolicy(ctx, &ecr.PutLifecyclePolicyInput{
			RepositoryName: aws.String(c.Repository), LifecyclePolicyText: aws.String(c.policy),
		})
		if err != nil {
			return fmt.Errorf("set the lifecycle policy of %s: %w", c.Repository, err)
		}
	}
	var tags []string
	for _, v := range c.Images {
		if v.Delete {
			tags = append(tags, v.Tags...)
		}
	}
	if err := ecrapi.Untag(ctx, api, c.Repository, tags); err != nil {
		return fmt.Errorf("delete images of %s: %w", c.Repository, err)
	}
	return nil
}

// setShields gives each image its tag.
func setShields(ctx context.Context, api *ecr.Client, repository string, shields []Shield) error {
	var digests []string
	for _, s := range shields {
		digests = append(digests, s.Digest)
	}
	manifests, err := ecrapi.Manifests(ctx, api, repository, digests)
	if err != nil {
		return err
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for _, s := range shields {
		g.Go(func() error {
			if err := shield(gctx, api, repository, s.Tag, manifests[s.Digest]); err != nil {
				return fmt.Errorf("set a tag that protects %s, which %s runs: %w", s.Digest, s.Lambda, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// shield sets the tag of an image.
func shield(ctx context.Context, api *ecr.Client, repository, tag string, image types.Image) error {
	if image.ImageManifest == nil {
		return errors.New("the answer of AWS has no manifest")
	}
	_, err := api.PutImage(ctx, &ecr.PutImageInput{
		RepositoryName: aws.String(repository), ImageTag: aws.String(tag),
		ImageManifest: image.ImageManifest, ImageManifestMediaType: image.ImageManifestMediaType,
	})
	var there *types.ImageAlreadyExistsException
	if errors.As(err, &there) {
		return nil
	}
	return err
}
