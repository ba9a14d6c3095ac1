//go:build !steps

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/publish/retention"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// retainer finds out what retention has to know, in one region.
type retainer struct {
	regional
	catalog *catalog.Catalog
	session *awsauth.Session
	hosts   reference.Hosts
	// public is true where the public repositories are read: they are the same for all regions.
	public bool

	client *registry.Client
	// repositories have their registry in front, by their name at AWS. There is none of a registry
	// that is not read.
	repositories map[catalog.Registry]map[string]string
	// side is where the functions of the credentials run.
	side reference.Side
	// wanted are the repositories that exist, images what is in them, by name, and facts what else
	// was found out.
	wanted []ecrapi.Wanted
	images map[string][]retention.Image
	facts  retention.Facts
}

// read finds out what there is and what is live.
func (r *retainer) read(ctx context.Context, expire []string) error {
	if _, err := r.session.Runs(r.hosts); err != nil {
		return err
	}
	r.session.InAccount(r.hosts)
	all := ecrapi.Every(r.catalog.Functions, r.hosts)
	if !r.public || !awsauth.HasPublic(r.session.Region) {
		all = slices.DeleteFunc(all, isPublic)
	}
	wanted, err := ecrapi.Missing(ctx, r.session.ECR, r.session.Public, all)
	if err != nil {
		return err
	}
	r.wanted = slices.DeleteFunc(wanted, func(w ecrapi.Wanted) bool { return w.Missing })
	// The images are read first: what a release does after that only makes more of them live.
	if r.images, err = r.list(ctx, r.wanted); err != nil {
		return err
	}
	if err := r.connect(ctx, r.wanted, r.images); err != nil {
		return err
	}
	releases, err := r.releases(ctx, r.wanted, r.images)
	if err != nil {
		return err
	}
	var private []retention.Image
	for _, w := range r.wanted {
		if w.Tier == catalog.Private {
			private = append(private, r.images[w.Name]...)
		}
	}
	r.facts = retention.Facts{
		Functions: functionsOf(catalog.Running(r.catalog.Functions), releases.Of(r.side), r.images, r.side), Records: recordsOf(releases, r.side),
		Side: r.side, Expire: expire, Now: time.Now(), Keep: r.catalog.Pipeline.Keep,
	}
	r.facts.Elsewhere = r.facts.FindElsewhere(private)
	r.facts.Live, err = retention.FindLive(ctx, lambda.NewFromConfig(r.session.Config), r.side, r.facts.Functions, sidesOf(releases, r.facts.Elsewhere, r.side))
	return err
}

// planPrivate says what is to be changed in the private repositories of the region.
func (r *retainer) planPrivate(ctx context.Context) (changes []retention.Change, err error) {
	for _, w := range r.wanted {
		if w.Tier != catalog.Private {
			continue
		}
		policy, left, ok := retention.Policy(r.catalog.Functions, w.Variant, r.catalog.Pipeline.Keep, w.Tags)
		if !ok {
			policy = ""
		}
		change, err := retention.PlanPrivate(ctx, r.session.ECR,
			retention.Repository{Name: w.Name, Images: r.images[w.Name], Names: namesIn(w), Policy: policy, Left: left}, r.facts)
		if err != nil {
			return nil, err
		}
		change.Region = r.name
		changes = append(changes, change)
	}
	return changes, nil
}

// planPublic says what is to be deleted from the public repositories. The facts are those of all
// regions: what runs in one of them is live.
func (r *retainer) planPublic(ctx context.Context, facts retention.Facts) (all []retention.Pruning, err error) {
	for _, w := range r.wanted {
		if w.Tier == catalog.Private {
			continue
		}
		pruning, err := retention.PlanPublic(ctx, w.Name, r.images[w.Name], namesIn(w), facts, attached{r.client, r.hosts.Repository(w.Tier, w.Variant)})
		if err != nil {
			return nil, err
		}
		all = append(all, pruning)
	}
	return all, nil
}

// namesIn are the names that a repository is for.
func namesIn(w ecrapi.Wanted) retention.Names { return retention.Names{All: w.Images, Tags: w.Tags} }

func isPublic(w ecrapi.Wanted) bool { return w.Tier == catalog.Public }

// list lists the images of each repository.
func (r *retainer) list(ctx context.Context, wanted []ecrapi.Wanted) (map[string][]retention.Image, error) {
	all := map[string][]retention.Image{}
	for _, w := range wanted {
		var err error
		if w.Tier == catalog.Private {
			all[w.Name], err = ecrapi.Images(ctx, r.session.ECR, w.Name)
		} else {
			all[w.Name], err = ecrapi.PublicImages(ctx, r.session.Public, w.Name)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// connect makes the client of the registries, and finds out the account. It asks AWS for the
// alias only if there is a public repository.
func (r *retainer) connect(ctx context.Context, wanted []ecrapi.Wanted, images map[string][]retention.Image) (err error) {
	if r.hosts.Public == "" && slices.ContainsFunc(wanted, isPublic) {
		alias, err := r.session.Alias(ctx)
		if err != nil {
			return err
		}
		r.hosts.Public = reference.PublicHost + "/" + alias
	}
	caller, err := r.session.Caller(ctx)
	if err != nil {
		return err
	}
	r.side = reference.Side{Account: caller.Account, Region: r.session.Region}
	if r.hosts.Private == "" && len(recordTags(images)) > 0 {
		r.hosts.Private = awsauth.PrivateHost(caller.Account, r.session.Region)
	}
	r.client = registry.NewClient(registry.Options{Keychain: r.session.Keychain(r.hosts)})
	r.repositories = map[catalog.Registry]map[string]string{catalog.Private: {}, catalog.Public: {}}
	for _, w := range wanted {
		if w.Tier == catalog.Public || r.hosts.Private != "" {
			r.repositories[w.Tier][w.Name] = r.hosts.Repository(w.Tier, w.Variant)
		}
	}
	return nil
}

// recordTags are the tags of release records that AWS lists.
func recordTags(images map[string][]retention.Image) map[string]bool {
	tags := map[string]bool{}
	for _, all := range images {
		for _, i := range all {
			for _, tag := range i.Tags {
				if retention.IsRecord(tag) {
					tags[tag] = true
				}
			}
		}
	}
	return tags
}

// releases reads the release records, if the repositories have some.
func (r *retainer) releases(ctx context.Context, wanted []ecrapi.Wanted, images map[string][]retention.Image) (history.Releases, error) {
	listed := recordTags(images)
	if len(listed) == 0 {
		return nil, nil
	}
	var repositories []string
	for _, w := range wanted {
		if w.Tier == catalog.Private {
			repositories = append(repositories, r.hosts.Repository(w.Tier, w.Variant))
		}
	}
	releases, err := history.NewStore(r.client, repositories, r.side).All(ctx)
	if err == nil && (len(releases) == 0 || !listed[releases[0].Tag()]) {
		err = fmt.Errorf("%s does not have those that AWS lists; pass the right registry with --private-registry", r.hosts.Private)
	}
	if err != nil {
		return nil, fmt.Errorf("read the release records: %w; nothing was changed", err)
	}
	return releases, nil
}

// sidesOf are the sides that run images, by records and tags.
func sidesOf(releases history.Releases, elsewhere []retention.Live, own reference.Side) (sides []reference.Side) {
	for _, r := range releases {
		side := r.Side()
		if side.Account == "" { // it may be of the own account
			side = own
		}
		sides = append(sides, side)
	}
	for _, l := range elsewhere {
		if l.Side != (reference.Side{}) {
			sides = append(sides, l.Side)
		}
	}
	return sides
}

// recordsOf says what a rollback of any side can use.
func recordsOf(releases history.Releases, own reference.Side) retention.Records {
	records := retention.Records{Digests: map[string]bool{}, Kept: map[string]bool{}}
	commits := map[string]bool{}
	for _, r := range releases.Recent() {
		records.Kept[r.Tag()] = true
		records.Shared = records.Shared || !r.Is(own)
		commits[r.Commit] = true
		for _, f := range r.Functions {
			commits[f.Commit] = true
			records.Digests[f.Before], records.Digests[f.After] = true, true
		}
	}
	delete(commits, "")
	records.Commits = slices.Sorted(maps.Keys(commits))
	return records
}

// functionsOf returns the functions to ask for what they run: those of the catalog, and those
// that ran an image by a release record of the side.
func functionsOf(functions []catalog.Function, releases history.Releases, images map[string][]retention.Image, side reference.Side) []retention.Function {
	released := map[string]string{} // by the Lambda function
	known := map[string]bool{}      // images of which a record says who ran them
	var all []retention.Function
	for _, r := range slices.Backward(releases) {
		for _, f := range r.Functions {
			known[f.Image] = true
			if released[f.Lambda] == "" {
				released[f.Lambda] = fmt.Sprintf("the release record %s says that it ran %s", r.Tag(), f.Image)
				all = append(all, retention.Function{Image: f.Image, Lambda: f.Lambda, Removed: true})
			}
		}
	}
	all = slices.DeleteFunc(all, func(f retention.Function) bool {
		return slices.ContainsFunc(functions, func(c catalog.Function) bool { return c.Lambda == f.Lambda })
	})
	live := map[string]bool{}
	for _, in := range images {
		for _, i := range in {
			for _, tag := range i.Tags {
				live[tag] = true
			}
		}
	}
	var asked []retention.Function
	for _, f := range functions {
		why := released[f.Lambda]
		for _, tag := range []string{reference.LiveTag(f.Image, side), reference.LiveTag(f.Image, reference.Side{})} {
			if why == "" && !known[f.Image] && live[tag] {
				why = fmt.Sprintf("the tag %s says that it ran an image", tag)
			}
		}
		asked = append(asked, retention.Function{Image: f.Image, Lambda: f.Lambda, Released: why})
	}
	return append(asked, all...)
}

// attached reads what is attached to images of a repository. It is a [retention.Attached].
type attached struct {
	client     *registry.Client
	repository string
}

func (a attached) Referrers(ctx context.Context, digest string) ([]retention.Document, error) {
	hash, err := v1.NewHash(digest)
	if err != nil {
		return nil, fmt.Errorf("read the digest %q: %w", digest, err)
	}
	all, err := a.client.Referrers(ctx, a.repository, hash)
	var documents []retention.Document
	for _, d := range all {
		documents = append(documents, retention.Document{Digest: d.Digest.String(), Commit: d.Annotations[referrer.AnnotationCommit]})
	}
	return documents, err
}

func (a attached) Has(ctx context.Context, digest string) (bool, error) {
	_, ok, err := a.client.Digest(ctx, a.repository, digest)
	return ok, err
}
