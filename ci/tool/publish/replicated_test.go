package publish

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// carried is a publish into two regions, of which the second one gets what is pushed to the first.
func carried(t *testing.T, r *registrytest.Registry, commit string) publishing {
	t.Helper()
	h := hosts(r)
	h.Copies = []string{r.Host + "/second"}
	a := newPublishing(t, h, commit, "one", nil)
	for n, i := range a.items {
		if below, ok := strings.CutPrefix(i.Repository, h.Copies[0]+"/"); ok {
			a.items[n].From = h.Private + "/" + below
		}
	}
	return a
}

// digestsIn are the tags of a repository.
func digestsIn(t *testing.T, r *registrytest.Registry, repository string) map[string]string {
	t.Helper()
	at, err := name.NewRepository(r.Direct + "/" + repository)
	require.NoError(t, err)
	all := map[string]string{}
	list, err := remote.List(at)
	if err != nil {
		return all // it does not exist yet
	}
	for _, tag := range list {
		if !fallback.MatchString(tag) {
			head, err := remote.Head(at.Tag(tag))
			require.NoError(t, err)
			all[tag] = head.Digest.String()
		}
	}
	return all
}

func TestOnlyWhatDoesNotComeByItselfIsSent(t *testing.T) {
	r := registrytest.New(t)
	a := carried(t, r, first)
	c := client(t, registry.Options{})
	p := NewPublisher(c, 0)
	var mu sync.Mutex
	waited, told := map[string]bool{}, []string{}
	p.Replicated(func(_ context.Context, i reference.Item, digest v1.Hash, pushed bool) string {
		mu.Lock()
		defer mu.Unlock()
		waited[i.Image] = pushed
		if i.Image != "api" && i.Image != "thumb" {
			return "it is late"
		}
		below, _ := strings.CutPrefix(i.From, r.Host+"/") // as ECR copies it, here without tags and documents
		from, err := name.NewDigest(r.Direct + "/" + below + "@" + digest.String())
		if err != nil {
			return err.Error()
		}
		image, err := remote.Image(from)
		if err != nil {
			return err.Error()
		}
		to, err := name.NewDigest(r.Direct + "/second/" + below + "@" + digest.String())
		if err != nil {
			return err.Error()
		}
		if err := remote.Write(to, image); err != nil {
			return err.Error()
		}
		return ""
	}, time.Minute, func(line string) { told = append(told, line) })
	state, err := p.Inspect(t.Context(), a.items, a.images)
	require.NoError(t, err)
	plan, err := NewPlan(a.items, a.images, state, false)
	require.NoError(t, err)
	before := plan.Bytes

	outcome, err := p.Run(t.Context(), plan, a.images)

	require.NoError(t, err)
	assert.Equal(t, map[string]bool{"api": true, "enhance": true, "select": true, "thumb": true, "video": true}, waited)
	assert.Len(t, outcome.Moved, 13, "eight, and five in the second region")
	whys := map[string]string{}
	for _, s := range plan.Steps {
		if s.From != "" {
			whys[s.Image] = string(s.Action) + ": " + s.Why
		}
	}
	assert.Equal(t, map[string]string{"api": "retag: replicated by ECR", "thumb": "retag: replicated by ECR",
		"enhance": "upload: it is late", "select": "upload: it is late", "video": "upload: it is late"}, whys)
	assert.Equal(t, []string{
		"ECR has not copied select, video to " + r.Host + "/second/lambda-private-heavy: it is late; publish sends what is missing",
		"ECR has not copied enhance to " + r.Host + "/second/lambda-private-light: it is late; publish sends what is missing",
	}, told)
	assert.Greater(t, plan.Bytes, before)
	assert.Equal(t, plan.Bytes, outcome.Sent)
	for _, v := range []string{"light", "heavy"} {
		assert.Equal(t, digestsIn(t, r, "lambda-private-"+v), digestsIn(t, r, "second/lambda-private-"+v))
	}
	attachedIn(t, a, registry.NewClient(registry.Options{}))

	b := carried(t, r, second) // what is there already is not waited for
	clear(waited)
	state, err = p.Inspect(t.Context(), b.items, b.images)
	require.NoError(t, err)
	plan, err = NewPlan(b.items, b.images, state, false)
	require.NoError(t, err)
	outcome, err = p.Run(t.Context(), plan, b.images)
	require.NoError(t, err)
	assert.Empty(t, waited)
	assert.Empty(t, outcome.Moved)
	assert.Equal(t, first+" "+second, strings.Join(commitsIn(digestsIn(t, r, "second/lambda-private-light")), " "))
}

// attachedIn asserts that each image has a document of the commit, in each repository.
func attachedIn(t *testing.T, of publishing, c *registry.Client) {
	t.Helper()
	for _, i := range of.items {
		all, err := c.Referrers(t.Context(), i.Repository, of.images[i.Image].Digest)
		require.NoError(t, err)
		assert.Len(t, all, 2, i.Repository)
	}
}

// commitsIn are the commits of the image api.
func commitsIn(tags map[string]string) (all []string) {
	for tag := range tags {
		if commit, ok := strings.CutPrefix(tag, "api-"); ok && catalog.IsCommit(commit) {
			all = append(all, commit)
		}
	}
	slices.Sort(all)
	return all
}

// An interrupt ends the wait, and nothing is sent or moved after it.
func TestAnInterruptEndsTheWaitForReplication(t *testing.T) {
	r := registrytest.New(t)
	a := carried(t, r, first)
	ctx, cancel := context.WithCancel(t.Context())
	p := NewPublisher(client(t, registry.Options{}), 0).Replicated(func(ctx context.Context, _ reference.Item, _ v1.Hash, _ bool) string {
		cancel()
		<-ctx.Done()
		return "it is late"
	}, time.Minute, func(string) {})
	state, err := p.Inspect(ctx, a.items, a.images)
	require.NoError(t, err)
	plan, err := NewPlan(a.items, a.images, state, false)
	require.NoError(t, err)

	_, err = p.Run(ctx, plan, a.images)

	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "no latest tag was moved; run the same command again to continue where it stopped")
	assert.Empty(t, digestsIn(t, r, "second/lambda-private-light"))
	assert.NotContains(t, digestsIn(t, r, "lambda-private-light"), "api-latest")
}
