package publish

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/registry/referrer"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// quick retries as often as the tool does, and waits a thousandth of the time.
var quick = registry.Retry{Attempts: 7, First: time.Millisecond, Longest: 20 * time.Millisecond, Patience: time.Second}

const first, second, third = "aaaaaaa", "bbbbbbb", "ccccccc"

// latestEnd is that of the latest tags.
var latestEnd = catalog.Tags{}.LatestEnd()

// client returns a client with its own connections, which end with the test.
func client(t testing.TB, o registry.Options) *registry.Client {
	t.Helper()
	transport := remote.DefaultTransport.(*http.Transport).Clone()
	t.Cleanup(transport.CloseIdleConnections)
	o.Retry, o.Transport = &quick, transport
	return registry.NewClient(o)
}

func hosts(r *registrytest.Registry) reference.Hosts {
	return reference.Hosts{Private: r.Host, Public: r.Host + "/alias"}
}

// publishing is the publish of one commit with its images.
type publishing struct {
	commit string
	items  []reference.Item
	images map[string]Image
	orders Orders // nil: the latest tags always move
}

func newPublishing(t testing.TB, h reference.Hosts, commit, binary string, edited map[string]string) publishing {
	t.Helper()
	functions := registrytest.Functions()
	dir := registrytest.Layout(t, functions, binary, edited, image.Offline, "test")
	images, err := ReadImages(dir, functions, nil)
	require.NoError(t, err)
	return publishing{commit, reference.Items(functions, h, commit), documented(images, commit), nil}
}

// The kinds of documents that are attached.
const bill, origin = "application/vnd.cyclonedx+json", "application/vnd.in-toto+json"

// documented attaches two documents to every image: one that depends only on the image,
// and one that depends on the commit and the time.
func documented(images map[string]Image, commit string) map[string]Image {
	for name, i := range images {
		i.Attach = map[catalog.Registry][]referrer.Artifact{}
		for _, tier := range []catalog.Registry{catalog.Public, catalog.Private} {
			i.Attach[tier] = []referrer.Artifact{
				{Type: bill, Title: "sbom.json", Content: []byte("the bill of " + i.Digest.String())},
				{Type: origin, Title: "provenance.json", Commit: commit, Content: fmt.Appendf(nil, "%s of %s at %030d, %s", name, commit, time.Now().UnixNano(), tier)},
			}
		}
		images[name] = i
	}
	return images
}

// publish plans and carries out the publish, and returns the plan and the outcome.
func (r publishing) publish(ctx context.Context, c Registry, force bool) (*Plan, *Outcome, error) {
	p := NewPublisher(c, 0)
	state, err := p.Inspect(ctx, r.items, r.images)
	if err != nil {
		return nil, nil, err
	}
	plan, err := NewPlan(r.items, r.images, state, force)
	if err != nil {
		return nil, nil, err
	}
	plan.Commit = r.commit
	if r.orders != nil {
		if err := p.Forward(ctx, plan, r.orders); err != nil {
			return nil, nil, err
		}
	}
	outcome, err := p.Run(ctx, plan, r.images)
	return plan, outcome, err
}

// tags reads all tags of the four repositories, without faults and logins.
func tags(t testing.TB, r *registrytest.Registry) map[string]string {
	t.Helper()
	r.Idle()
	all, seen := map[string]string{}, map[string]bool{}
	for _, item := range reference.Items(registrytest.Functions(), reference.Hosts{Private: r.Direct, Public: r.Direct + "/alias"}, first) {
		repo, err := name.NewRepository(item.Repository)
		require.NoError(t, err)
		if seen[item.Repository] {
			continue
		}
		seen[item.Repository] = true
		list, err := remote.List(repo)
		if err != nil {
			continue // the repository does not exist yet
		}
		for _, tag := range list {
			if fallback.MatchString(tag) {
				continue // the list of what is attached to an image
			}
			head, err := remote.Head(repo.Tag(tag))
			require.NoError(t, err)
			all[strings.TrimPrefix(item.Repository, r.Direct+"/")+":"+tag] = head.Digest.String()
		}
	}
	return all
}

// fallback matches the tag in which clients list what is attached to an image, for
// registries without an API for it.
var fallback = regexp.MustCompile(`^sha256-[0-9a-f]{64}$`)

// attached asserts that every image has its documents in every repository: one that
// depends on the image, and one for the commit, as its registry gets it.
func attached(t testing.TB, r *registrytest.Registry, of publishing) {
	t.Helper()
	r.Idle()
	c := registry.NewClient(registry.Options{})
	for _, item := range reference.Items(functionsOf(of), reference.Hosts{Private: r.Direct, Public: r.Direct + "/alias"}, of.commit) {
		i := of.images[item.Image]
		all, err := referrer.List(t.Context(), c, item.Repository, i.Digest)
		require.NoError(t, err)
		count := map[string]int{}
		for _, a := range all {
			if a.Type == bill || a.Commit == of.commit {
				count[a.Type]++
			}
			content, err := referrer.Read(t.Context(), c, item.Repository, a)
			require.NoError(t, err)
			require.Contains(t, string(content), map[string]string{bill: i.Digest.String(), origin: item.Image + " of " + a.Commit}[a.Type])
			if a.Type == origin {
				require.True(t, strings.HasSuffix(string(content), ", "+string(item.Tier)), "that of its registry: %s", content)
			}
		}
		require.Equal(t, map[string]int{bill: 1, origin: 1}, count, "%s in %s: %v", item.Image, item.Repository, all)
	}
}

// functionsOf returns the functions of the images that are published.
func functionsOf(r publishing) []catalog.Function {
	return slices.DeleteFunc(registrytest.Functions(), func(f catalog.Function) bool {
		return !slices.ContainsFunc(r.items, func(i reference.Item) bool { return i.Image == f.Image })
	})
}

// want returns the tags that exist after the commits were published one after another.
func want(commits ...publishing) map[string]string {
	all := map[string]string{}
	for _, r := range commits {
		for _, item := range r.items {
			_, repository, _ := strings.Cut(item.Repository, "/")
			digest := r.images[item.Image].Digest.String()
			all[repository+":"+item.CommitTag], all[repository+":"+item.LatestTag] = digest, digest
		}
	}
	return all
}

// pulls reads every byte of every tag.
func pulls(t testing.TB, r *registrytest.Registry, tags map[string]string) {
	t.Helper()
	for tag, digest := range tags {
		ref, err := name.ParseReference(r.Direct + "/" + tag)
		require.NoError(t, err)
		img, err := remote.Image(ref)
		require.NoError(t, err, tag)
		require.NoError(t, validate.Image(img), tag)
		got, err := img.Digest()
		require.NoError(t, err)
		require.Equal(t, digest, got.String(), tag)
	}
}
