package publish

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

var pairs = flag.Int("pairs", 3, "how many pairs of commits to publish at the same moment")

// byName is the order of commits whose names are in the order of their history.
func byName(own string) Orders {
	return func(_ context.Context, other Published) (Order, string, error) {
		if other.Commit > own {
			return Before, "", nil
		}
		return Comes, "", nil
	}
}

func TestByTime(t *testing.T) {
	early, late := time.Unix(1, 0), time.Unix(2, 0)
	for name, c := range map[string]struct {
		own, other time.Time
		want       Order
	}{
		"later":          {late, early, Comes},
		"earlier":        {early, late, Before},
		"the same":       {early, early, Unknown},
		"own unknown":    {time.Time{}, early, Unknown},
		"others unknown": {late, time.Time{}, Unknown},
	} {
		assert.Equal(t, c.want, ByTime(c.own, c.other), name)
	}
}

// What the latest tags do, by where the commit stands to those that their images have.
func TestJudge(t *testing.T) {
	const flag = "; to move it all the same, pass --move-latest"
	for name, c := range map[string]struct {
		orders map[string]Order
		want   Latest
	}{
		"after all":                       {map[string]Order{"aaaaaaa": Comes, "bbbbbbb": Comes}, Latest{Moves: true}},
		"before one":                      {map[string]Order{"aaaaaaa": Comes, "bbbbbbb": Before}, Latest{At: "bbbbbbb", Why: "commit ccccccc comes before it" + flag}},
		"after one, beside a branch":      {map[string]Order{"aaaaaaa": Comes, "bbbbbbb": Apart}, Latest{Moves: true}},
		"beside a branch only":            {map[string]Order{"bbbbbbb": Apart}, Latest{At: "bbbbbbb", Why: "commit ccccccc does not come after it, so they are on different branches, or a branch was rewritten" + flag}},
		"unknown":                         {map[string]Order{"bbbbbbb": Unknown}, Latest{At: "bbbbbbb", Why: "it is unknown whether commit ccccccc comes after it (because)" + flag}},
		"after one, another is unknown":   {map[string]Order{"aaaaaaa": Comes, "bbbbbbb": Unknown}, Latest{At: "bbbbbbb", Why: "it is unknown whether commit ccccccc comes after it (because)" + flag}},
		"of no commit that anybody knows": {nil, Latest{}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &Plan{Commit: "ccccccc", orders: func(_ context.Context, other Published) (Order, string, error) {
				return c.orders[other.Commit], "because", nil
			}}
			all := map[string]Published{}
			for commit := range c.orders {
				all[commit] = Published{Commit: commit}
			}
			got, err := p.judge(t.Context(), all)
			require.NoError(t, err)
			assert.Equal(t, c.want, got)
		})
	}
}

func TestLatestOfNoCommitStays(t *testing.T) {
	r := registrytest.New(t)
	c := client(t, registry.Options{})
	a, b := newPublishing(t, hosts(r), first, "one", nil), newPublishing(t, hosts(r), second, "two", nil)
	for _, i := range a.items { // as `docker push` does
		img := a.images[i.Image]
		for n, d := range img.Blobs {
			require.NoError(t, c.PutBlob(t.Context(), i.Repository, d, img.file(d.Digest), func(int64) {}), n)
		}
		require.NoError(t, c.PutManifest(t.Context(), i.Repository, i.LatestTag, img.Manifest, img.MediaType))
	}
	b.orders = byName(second)

	plan, outcome, err := b.publish(t.Context(), c, false)

	require.NoError(t, err)
	assert.Empty(t, outcome.Moved)
	assert.Equal(t, "latest stays: no document says of which commit "+r.Host+"/lambda-private-light:api-latest is; to move it to commit bbbbbbb all the same, pass --move-latest", plan.Latest.String())
}

// A younger commit is published completely while an older one moves the latest tags.
func TestAYoungerCommitThatWasPublishedMeanwhile(t *testing.T) {
	for name, c := range map[string]struct {
		stay *Latest
		want string
	}{
		"with latest":    {nil, third},
		"without latest": {&Latest{Why: "--no-latest was passed"}, second},
	} {
		t.Run(name, func(t *testing.T) {
			r := registrytest.New(t)
			var commits []publishing
			for _, name := range []string{first, second, third} {
				a := newPublishing(t, hosts(r), name, name, nil)
				a.orders = byName(name)
				commits = append(commits, a)
			}
			_, _, err := commits[0].publish(t.Context(), client(t, registry.Options{}), false)
			require.NoError(t, err)
			m := &meddler{Client: client(t, registry.Options{}), left: 1}
			m.moves = func() {
				b := commits[2]
				p := NewPublisher(client(t, registry.Options{}), 0)
				state, err := p.Inspect(t.Context(), b.items, b.images)
				require.NoError(t, err)
				plan, err := NewPlan(b.items, b.images, state, false)
				require.NoError(t, err)
				plan.Commit = b.commit
				if c.stay == nil {
					require.NoError(t, p.Forward(t.Context(), plan, b.orders))
				} else {
					plan.Stay(*c.stay)
				}
				_, err = p.Run(t.Context(), plan, b.images)
				require.NoError(t, err)
			}

			_, outcome, err := commits[1].publish(t.Context(), m, false)

			require.NoError(t, err)
			now := tags(t, r)
			for tag, digest := range want(commits[map[string]int{second: 1, third: 2}[c.want]]) {
				assert.Equal(t, digest, now[tag], tag)
			}
			assert.Equal(t, c.want == third, outcome.SupersededBy == third, outcome.SupersededBy)
		})
	}
}

// early does something just before the first latest tag moves.
type early struct {
	*registry.Client
	end  string
	once sync.Once
	do   func()
}

func (e *early) PutManifest(ctx context.Context, repository, tag string, manifest []byte, media types.MediaType) error {
	if strings.HasSuffix(tag, e.end) {
		e.once.Do(e.do)
	}
	return e.Client.PutManifest(ctx, repository, tag, manifest, media)
}

// undocumented attaches no document: what is published with it stops before.
type undocumented struct {
	*registry.Client
	commit string
}

func (u *undocumented) PutManifest(ctx context.Context, repository, tag string, manifest []byte, media types.MediaType) error {
	if !strings.HasSuffix(tag, u.commit) {
		return errKilled
	}
	return u.Client.PutManifest(ctx, repository, tag, manifest, media)
}

// A younger commit is published completely after an older one has looked at the latest tags, and
// before it moves them: then all of them name the older one, and only the tags of commits tell.
func TestAYoungerCommitThatThisPublishOvertook(t *testing.T) {
	for name, c := range map[string]struct {
		patterns catalog.Tags
		begun    bool // it has its tags, but no documents, when the older one looks
	}{
		"with the tags of every workspace": {},
		"with tags of another pattern":     {patterns: catalog.Tags{Commit: "{name}.{commit}", Latest: "{name}_main"}},
		"that had its tags before":         {begun: true},
	} {
		t.Run(name, func(t *testing.T) {
			r := registrytest.New(t)
			h, patterns := hosts(r), c.patterns
			h.Tags = patterns
			if c.begun {
				a := newPublishing(t, h, third, third, nil)
				a.orders = byName(third)
				_, _, err := a.publish(t.Context(), &undocumented{client(t, registry.Options{}), third}, false)
				require.ErrorIs(t, err, errKilled)
			}
			publish := func(commit string, c Registry) (*Outcome, publishing) {
				a := newPublishing(t, h, commit, commit, nil)
				a.orders = byName(commit)
				_, outcome, err := a.publish(t.Context(), c, false)
				require.NoError(t, err)
				return outcome, a
			}
			publish(first, client(t, registry.Options{}))
			var younger publishing
			c := &early{Client: client(t, registry.Options{}), end: patterns.LatestEnd()}
			c.do = func() { _, younger = publish(third, client(t, registry.Options{})) }

			outcome, _ := publish(second, c)

			assert.Equal(t, third, outcome.SupersededBy)
			now := tags(t, r)
			for tag, digest := range want(younger) {
				assert.Equal(t, digest, now[tag], tag)
			}
		})
	}
}

// slow delays every request, and lets none through after the last: then its sender was killed.
type slow struct {
	http.RoundTripper
	last int64 // 0: all
	sent atomic.Int64
}

var errKilled = errors.New("killed")

func (s *slow) RoundTrip(r *http.Request) (*http.Response, error) {
	if n := s.sent.Add(1); s.last > 0 && n > s.last {
		return nil, errKilled
	}
	time.Sleep(time.Duration(rand.Int64N(int64(8 * time.Millisecond))))
	return s.RoundTripper.RoundTrip(r)
}

// Two commits are published at the same moment, and one of them may be killed. The latest tags are
// never of both, as long as somebody is left to see it.
func TestPairsAreNeverMixed(t *testing.T) {
	old := newPublishing(t, reference.Hosts{}, first, "0", nil)
	counter := &slow{RoundTripper: remote.DefaultTransport.(*http.Transport).Clone()}
	published := func(t *testing.T, r *registrytest.Registry, a publishing, s *slow) error {
		s.RoundTripper = remote.DefaultTransport.(*http.Transport).Clone()
		t.Cleanup(s.RoundTripper.(*http.Transport).CloseIdleConnections)
		a.items, a.orders = reference.Items(functionsOf(a), hosts(r), a.commit), byName(a.commit)
		_, _, err := a.publish(t.Context(), registry.NewClient(registry.Options{Retry: &quick, Transport: s}), false)
		return err
	}
	r := registrytest.New(t)
	old.items = reference.Items(registrytest.Functions(), hosts(r), first)
	require.NoError(t, published(t, r, old, counter))
	total := counter.sent.Load()

	for round := range *pairs {
		for _, kill := range []bool{false, true} {
			t.Run(fmt.Sprintf("round %d, one is killed: %v", round, kill), func(t *testing.T) {
				t.Parallel() // it waits most of the time
				r := registrytest.New(t)
				require.NoError(t, published(t, r, old, new(slow)))
				both := [2]publishing{
					newPublishing(t, hosts(r), second, fmt.Sprintf("%d of one", round), nil),
					newPublishing(t, hosts(r), third, fmt.Sprintf("%d of the other", round), map[string]string{"api": fmt.Sprintf("%d of one", round)}),
				}
				victim := rand.IntN(2)
				var errs [2]error
				var died, ended atomic.Int64 // when
				begun := time.Now().UnixNano()
				var wg sync.WaitGroup
				for n, a := range both {
					wg.Go(func() {
						s := new(slow)
						if kill && n == victim {
							s.last = total/2 + rand.Int64N(total/2+20)
						}
						errs[n] = published(t, r, a, s)
						if n == victim {
							died.Store(time.Now().UnixNano())
						} else {
							ended.Store(time.Now().UnixNano())
						}
					})
				}
				wg.Wait()

				require.NoError(t, errs[1-victim])
				if errs[victim] != nil {
					require.ErrorIs(t, errs[victim], errKilled)
					// The last look takes less than a quarter of a publish. If it began before the other one
					// was killed, nobody was left to see all that it did.
					if lastLook := ended.Load() - (ended.Load()-begun)/4; lastLook < died.Load() {
						require.NoError(t, published(t, r, both[1], new(slow)))
					}
				}
				now := tags(t, r)
				at := ""
				for _, a := range append(both[:], old) {
					all := true
					for tag, digest := range want(a) {
						all = all && (!strings.HasSuffix(tag, latestEnd) || now[tag] == digest)
					}
					if all {
						at = a.commit
					}
				}
				assert.Contains(t, []string{second, third}, at, "latest is of one commit: %v", now)
				if errs == [2]error{} {
					assert.Equal(t, third, at, "the younger one")
				}
			})
		}
	}
}
