package retention

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/sync/errgroup"

	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
)

// Change is what a private repository needs to match its policy.
type Change struct {
	// Region is set if the repositories of several regions are compared.
	Region     string `json:"region,omitempty"`
	Repository string `json:"repository"`
	// Diff is the change of the lifecycle policy; empty if the policy is right already.
	Diff string `json:"diff,omitempty"`
	// Shields are tags for images that functions run. They are set before the policy, so
	// that no rule expires these images.
	Shields []Shield `json:"shields,omitempty"`
	// Left are the names that the policy has no room for, and Images their images, of
	// which some are deleted, and those of names that expire.
	Left   []string  `json:"namesWithoutRule,omitempty"`
	Images []Verdict `json:"images,omitempty"`
	// Removed are names that the catalog does not have here.
	Removed []Removed `json:"removed,omitempty"`
	// Surplus are tags and documents that images have too many of, and Old the tags of
	// release records and shields that no rollback can use.
	Surplus []Surplus `json:"surplus,omitempty"`
	Old     []string  `json:"old,omitempty"`
	// Archived are images that somebody's rule has archived. They do not count as images that
	// are kept, and this program does not delete them.
	Archived []Image `json:"archived,omitempty"`
	// Warnings name images that soon have too many tags.
	Warnings []string `json:"warnings,omitempty"`
	policy   string
}

// Repository is a private repository, as it is and as the catalog wants it.
type Repository struct {
	Name string
	// Images are those in it, and Names those that it is for.
	Images []Image
	Names  Names
	// Policy is its lifecycle policy; empty if the catalog does not want the repository.
	// Left are the names that the policy has no room for.
	Policy string
	Left   []string
}

// Shield is a tag that protects an image that a function runs.
type Shield struct {
	Tag    string `json:"tag"`
	Digest string `json:"digest"`
	// Platform is what the image is for; "" if nobody asked.
	Platform string `json:"platform,omitempty"`
	Lambda   string `json:"lambda"`
}

// PlanPrivate compares a private repository with what the facts and the catalog ask for.
func PlanPrivate(ctx context.Context, api *ecr.Client, r Repository, f Facts) (Change, error) {
	c := Change{Repository: r.Name, Left: r.Left, policy: r.Policy}
	for _, i := range r.Images {
		if i.Archived() {
			c.Archived = append(c.Archived, i)
		}
	}
	r.Images = slices.DeleteFunc(slices.Clone(r.Images), Image.Archived)
	before := ""
	var err error
	if r.Policy != "" || slices.ContainsFunc(r.Images, func(i Image) bool { return f.inUse()[i.Digest] != "" }) {
		if before, err = readPolicy(ctx, api, r.Name); err != nil {
			return Change{}, err
		}
	}
	if r.Policy != "" {
		c.Diff = string(diff.Diff(r.Name+" now", []byte(Normal(before)), r.Name+" then", []byte(r.Policy)))
	}
	documents, err := documentsOf(ctx, api, r.Name, r.Images, r.Names)
	if err != nil {
		return Change{}, err
	}
	c.Surplus = surplus(r.Images, r.Names, documents, f.Records.Commits)
	images := without(r.Images, c.Surplus)
	c.Warnings = append(warnings("ecr", r.Name, images), unreachable(r.Name, c.Archived, f.inUse())...)
	for _, text := range transitions(r.Name, before, images, f.inUse()) {
		if c.Diff != "" {
			text += ", as the policy does that this command sets"
		}
		c.Warnings = append(c.Warnings, text)
	}
	c.Removed = removed(images, r.Names, f.Side)
	expire, err := f.expiring(r.Name, c.Removed)
	if err != nil {
		return Change{}, err
	}
	ruled := slices.DeleteFunc(slices.Clone(r.Names.All), func(name string) bool { return slices.Contains(r.Left, name) })
	c.Images = rules{r.Names, ruled, expire, f.inUse(), f.Now, f.keep()}.judgeTagged(images)
	if c.Shields, err = shieldsOf(r.Name, images, f); err != nil {
		return Change{}, err
	}
	c.Old = f.old(images, r.Names)
	return c, nil
}

// readPolicy reads the lifecycle policy of a repository; "" if it has none.
func readPolicy(ctx context.Context, api *ecr.Client, repository string) (string, error) {
	out, err := api.GetLifecyclePolicy(ctx, &ecr.GetLifecyclePolicyInput{RepositoryName: aws.String(repository)})
	var none *types.LifecyclePolicyNotFoundException
	switch {
	case errors.As(err, &none):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("read the lifecycle policy of %s: %w", repository, err)
	}
	return aws.ToString(out.LifecyclePolicyText), nil
}

// shieldsOf returns the tags for images that functions run and that no tag protects. The
// image that a function runs itself has NAME-live, which moves when the function does. That
// of a version needs a tag that stays.
func shieldsOf(repository string, images []Image, f Facts) (all []Shield, err error) {
	there := map[string][]string{}
	for _, i := range images {
		there[i.Digest] = i.Tags
	}
	for _, l := range f.Live {
		tags, ok := there[l.Digest]
		tag := reference.ShieldTag(l.Image, l.Digest, f.Side)
		switch {
		case !ok, // the image is in another repository
			slices.Contains(tags, tag),
			slices.Contains(tags, reference.ShieldTag(l.Image, l.Digest, reference.Side{})),
			l.Version == latestVersion && slices.Contains(tags, reference.LiveTag(l.Image, f.Side)):
			continue
		case len(tags) >= MaxTags:
			return nil, fmt.Errorf("protect %s, which %s runs: it has %d tags, and AWS accepts no more; %s; nothing was changed",
				report.Digest(l.Digest), l.Lambda, len(tags), untag("ecr", repository))
		}
		all = append(all, Shield{Tag: tag, Digest: l.Digest, Lambda: l.Lambda})
		there[l.Digest] = append(slices.Clone(tags), tag)
	}
	return all, nil
}

// latestVersion is the version of a function that an update of its code changes.
const latestVersion = "$LATEST"

// ApplyPrivate carries out a change: it makes room for tags, sets the tags that protect, then
// the policy, then it deletes. An image is deleted by removing the tags that it had in the
// plan: if it got another tag since, such as a live tag, it stays.
func ApplyPrivate(ctx context.Context, api *ecr.Client, c Change) error {
	if err := ApplySurplus(ctx, api, c.Repository, c.Surplus); err != nil {
		return err
	}
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
	tags := slices.Clone(c.Old)
	for _, v := range c.Images {
		if tags = append(tags, v.Untag...); v.Delete {
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
