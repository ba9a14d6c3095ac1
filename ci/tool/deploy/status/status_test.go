package status_test

import (
	"context"
	"errors"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/status"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

var (
	one, two = testkit.Digest("one").String(), testkit.Digest("two").String()
	noon     = time.Date(2026, 5, 22, 12, 0, 0, 0, time.UTC)
	items    = []reference.Item{{Image: "api", Tier: catalog.Private, Repository: "host/light", LatestTag: "api-latest"}}
	names    = []catalog.Function{{Image: "api", Lambda: "Api"}}
	released = history.Releases{{Commit: "abc1234", Time: noon, Functions: []history.Function{{Image: "api", Lambda: "Api", After: one, Commit: "abc1234"}}}}
)

// here is the side of the functions.
var here = reference.Side{Account: "123456789012", Region: "eu-central-1"}

// lambda has one function, or fails.
type lambda struct {
	function deploy.Function
	err      error
	// alias is the digest that its alias runs; empty if the alias does not exist.
	alias string
	// split has the shares of other versions.
	split map[string]float64
}

func (l lambda) Alias(_ context.Context, _, alias string) (deploy.Alias, error) {
	if l.alias == "" {
		return deploy.Alias{}, deploy.ErrMissing
	}
	return deploy.Alias{Name: alias, Version: "7", Weights: l.split}, nil
}

func (l lambda) Function(_ context.Context, _, qualifier string) (deploy.Function, error) {
	switch {
	case qualifier == "":
		return l.function, l.err
	case l.alias == "":
		return deploy.Function{}, deploy.ErrMissing
	default:
		return deploy.Function{Digest: l.alias, Version: "7"}, nil
	}
}

// aliased returns the history with an alias.
func aliased() history.Releases {
	r := released[0]
	r.Alias = "live"
	return history.Releases{r}
}

// tags has the digest that each identifier names.
type tags map[string]string

func (t tags) Digest(_ context.Context, _, identifier string) (v1.Hash, bool, error) {
	digest, ok := t[identifier]
	if !ok {
		return v1.Hash{}, false, nil
	}
	h, err := v1.NewHash(digest)
	return h, true, err
}

// Commits are those of the documents of the second image.
func (t tags) Commits(_ context.Context, _, digest string) ([]string, error) {
	if digest != two {
		return nil, nil
	}
	return []string{"def5678"}, nil
}

// Platform is that of the second image.
func (t tags) Platform(context.Context, string, string) string { return t["platform"] }

func TestDrift(t *testing.T) {
	good := tags{"api-latest": one, "api-123456789012-eu-central-1-live": one, one: one, two: two}
	for name, c := range map[string]struct {
		lambda  lambda
		tags    tags
		history history.Releases
		want    []status.Kind
	}{
		"none":                                 {lambda{function: deploy.Function{Digest: one}}, good, released, nil},
		"latest is ahead":                      {lambda{function: deploy.Function{Digest: one}}, tags{"api-latest": two, "api-123456789012-eu-central-1-live": one, one: one}, released, []status.Kind{status.LatestAhead}},
		"someone else deployed":                {lambda{function: deploy.Function{Digest: two}}, good, released, []status.Kind{status.NotReleased, status.LatestAhead}},
		"nothing was ever released":            {lambda{function: deploy.Function{Digest: two}}, tags{two: two}, nil, []status.Kind{status.Unrecorded}},
		"its image is gone":                    {lambda{function: deploy.Function{Digest: one, State: "Failed", StateReason: "ImageDeleted"}}, tags{"api-latest": two}, released, []status.Kind{status.Failed, status.ImageGone, status.LatestAhead, status.LiveTag}},
		"its last update failed":               {lambda{function: deploy.Function{Digest: one, Update: "Failed", UpdateReason: "InvalidImage"}}, good, released, []status.Kind{status.Failed}},
		"it runs no image":                     {lambda{function: deploy.Function{PackageType: "Zip"}}, good, released, []status.Kind{status.Unrecorded}},
		"there is no function":                 {lambda{err: deploy.ErrMissing}, good, released, []status.Kind{status.Missing}},
		"its alias is right":                   {lambda{function: deploy.Function{Digest: one}, alias: one}, good, aliased(), nil},
		"its alias runs another image":         {lambda{function: deploy.Function{Digest: one}, alias: two}, good, aliased(), []status.Kind{status.AliasBehind}},
		"its alias is split":                   {lambda{function: deploy.Function{Digest: one}, alias: one, split: map[string]float64{"8": 0.3}}, good, aliased(), []status.Kind{status.AliasSplit}},
		"its alias is gone":                    {lambda{function: deploy.Function{Digest: one}}, good, aliased(), []status.Kind{status.AliasBehind}},
		"the tag from before there were sides": {lambda{function: deploy.Function{Digest: one}}, tags{"api-latest": one, "api-live": one, one: one}, released, nil},
		"nothing protects it":                  {lambda{function: deploy.Function{Digest: one}}, tags{"api-latest": one, one: one}, released, []status.Kind{status.LiveTag}},
	} {
		t.Run(name, func(t *testing.T) {
			rows, err := status.Look(t.Context(), c.lambda, c.tags, here, c.history, items, names)

			require.NoError(t, err)
			var kinds []status.Kind
			for _, d := range rows[0].Drift {
				kinds = append(kinds, d.Kind)
				assert.NotEmpty(t, d.Text)
			}
			assert.Equal(t, c.want, kinds)
		})
	}
}

func TestWhatARowSays(t *testing.T) {
	rows, err := status.Look(t.Context(), lambda{function: deploy.Function{Digest: one, Architecture: "arm64", State: "Active", Update: "Successful"}},
		tags{"api-latest": one, "api-123456789012-eu-central-1-live": one, one: one}, here, released, items, names)

	require.NoError(t, err)
	assert.Equal(t, []status.Row{{
		Image: "api", Lambda: "Api", Repository: "host/light", Runs: one, Platform: "linux/arm64", Commit: "abc1234", Since: noon,
		State: "Active", Update: "Successful", Latest: one, LatestPlatform: "linux/arm64", Live: one,
	}}, rows)
}

func TestLatestIsForAnotherPlatform(t *testing.T) {
	for platform, want := range map[string]string{
		"linux/amd64": "latest is " + deploy.Short(two) + ", but the function does not run it; to deploy it, use `bin/ci deploy`",
		"linux/arm64": "latest is " + deploy.Short(two) + " for linux/arm64, but the function does not run it; it cannot, because it is for linux/amd64: publish with --platform linux/amd64",
		"unknown":     "latest is " + deploy.Short(two) + " for an unknown platform, but the function does not run it; to deploy it, use `bin/ci deploy`",
	} {
		rows, err := status.Look(t.Context(), lambda{function: deploy.Function{Digest: one, Architecture: "x86_64"}},
			tags{"api-latest": two, "api-123456789012-eu-central-1-live": one, one: one, "platform": platform}, here, released, items, names)
		require.NoError(t, err)
		assert.Equal(t, []status.Drift{{Kind: status.LatestAhead, Text: want}}, rows[0].Drift)
	}
}

func TestLambdaDoesNotSay(t *testing.T) {
	_, err := status.Look(t.Context(), lambda{err: errors.New("no")}, tags{}, here, nil, items, names)

	require.EqualError(t, err, "Api (api): no")
}
