package history_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
)

var here = reference.Side{Account: "123456789012", Region: "eu-central-1"}

var noon = time.Date(2026, 5, 22, 12, 0, 0, 0, time.UTC)

// of returns a release of api, with a digest made from the commit.
func of(kind history.Kind, commit string) history.Release {
	return history.Release{Commit: commit, Kind: kind, Time: noon, Who: "dana",
		Functions: []history.Function{{Image: "api", Lambda: "Api", After: "sha256:" + commit, Commit: commit}}}
}

func TestPrevious(t *testing.T) {
	for name, c := range map[string]struct{ history, want string }{
		"no release":                           {"", ""},
		"one release":                          {"a", ""},
		"two releases":                         {"a b", "a"},
		"the same twice":                       {"a b b", "a"},
		"after a rollback":                     {"a b c <b", "a"},
		"after a rollback by two":              {"a b c d <b", "a"},
		"after a rollback and a new one":       {"a b c <b d", "b"},
		"to a commit without a record":         {"b c <a", "c"},
		"back to the first":                    {"a b <a", ""},
		"a commit that was rolled back, again": {"a b <a b", "a"},
		"an earlier commit, deployed again":    {"a b c b", "c"},
		"rolled back to the current commit":    {"a b <b", "a"},
	} {
		t.Run(name, func(t *testing.T) {
			var h history.Releases
			for _, word := range strings.Fields(c.history) {
				commit, back := strings.CutPrefix(word, "<")
				kind := history.Deploy
				if back {
					kind = history.Rollback
				}
				h = append(h, of(kind, commit))
			}

			got, ok := h.Previous()

			assert.Equal(t, c.want, got.Commit)
			assert.Equal(t, c.want != "", ok)
		})
	}
}

func TestWhatTheHistorySays(t *testing.T) {
	h := history.Releases{of(history.Deploy, "abc1234"), of(history.Deploy, "def5678"), of(history.Rollback, "abc1234")}

	assert.Equal(t, []string{"abc1234", "def5678"}, h.Commits())
	commit, since, ok := h.CommitOf("api", "sha256:def5678")
	assert.Equal(t, []any{"def5678", noon, true}, []any{commit, since, ok})
	_, _, ok = h.CommitOf("api", "sha256:other")
	assert.False(t, ok)
	found, ok := h.Find("def5678901234567890")
	assert.Equal(t, []any{"def5678", true}, []any{found.Commit, ok})
	_, ok = h.Find("1111111")
	assert.False(t, ok)
}

func TestRecordsAreFoundAgain(t *testing.T) {
	r := testkit.NewRegistry(t)
	light, heavy := r.Host+"/lambda-private-light", r.Host+"/lambda-private-heavy"
	client := registry.NewClient(registry.Options{})
	former := history.NewStore(client, []string{heavy}, here)
	store := history.NewStore(client, []string{light, heavy}, here)
	add := func(s *history.Store, release history.Release) string {
		h, err := s.Releases(t.Context())
		require.NoError(t, err)
		tag, err := s.Add(t.Context(), release, h)
		require.NoError(t, err)
		return tag
	}

	assert.Equal(t, "release-20260522T120000.000Z-abc1234-123456789012-eu-central-1", add(former, of(history.Deploy, "abc1234")))
	assert.Equal(t, "release-20260522T120000.001Z-def5678-123456789012-eu-central-1", add(store, of(history.Deploy, "def5678")), "no two have the same time")
	assert.Empty(t, add(store, of(history.Deploy, "def5678")), "no record if nothing changed")
	assert.NotEmpty(t, add(store, of(history.Rollback, "abc1234")))

	h, err := store.Releases(t.Context())
	require.NoError(t, err)
	require.Len(t, h, 3)
	want := of(history.Deploy, "abc1234")
	want.Account, want.Region = here.Account, here.Region
	assert.Equal(t, want, h[0])
	assert.Equal(t, []string{"abc1234", "def5678"}, h.Commits())
}

// The record of a release of one function also says what the others run.
func TestAReleaseOfSome(t *testing.T) {
	r := testkit.NewRegistry(t)
	store := history.NewStore(registry.NewClient(registry.Options{}), []string{r.Host + "/light"}, here)
	all := of(history.Deploy, "abc1234")
	all.Functions = append(all.Functions, history.Function{Image: "thumb", After: "sha256:thumb"})
	for _, release := range []history.Release{all, of(history.Deploy, "def5678")} {
		h, err := store.Releases(t.Context())
		require.NoError(t, err)
		_, err = store.Add(t.Context(), release, h)
		require.NoError(t, err)
	}

	h, err := store.Releases(t.Context())

	require.NoError(t, err)
	thumb, ok := h[1].Function("thumb")
	assert.True(t, ok)
	assert.Equal(t, history.Function{Image: "thumb", Before: "sha256:thumb", After: "sha256:thumb", Commit: "abc1234"}, thumb)
	commit, since, _ := h.CommitOf("thumb", "sha256:thumb")
	assert.Equal(t, []any{"abc1234", noon}, []any{commit, since})
}

// Old records have the account in the ARN of the caller, and the region in the registry's name.
func TestRecordsOfSeveralSides(t *testing.T) {
	there := reference.Side{Account: "222222222222", Region: "eu-central-1"}
	minute := 0
	record := func(commit string, account, region, who, registry string) history.Release {
		minute++
		r := of(history.Deploy, commit)
		r.Time = noon.Add(time.Duration(minute) * time.Minute)
		r.Account, r.Region, r.Who, r.Functions[0].Repository = account, region, who, registry+"/light"
		return r
	}
	const ecr = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
	old := record("aaaaaaa", "", "", "arn:aws:sts::123456789012:assumed-role/lambdas-deploy/run", ecr)
	theirs := record("bbbbbbb", "", "", "arn:aws:sts::222222222222:assumed-role/lambdas-deploy/run", ecr)
	other := record("ccccccc", "", "", "arn:aws:iam::123456789012:user/dana", "123456789012.dkr.ecr.us-east-1.amazonaws.com")
	nobody := record("ddddddd", "", "", "dana", "localhost:5000")
	own := record("eeeeeee", here.Account, here.Region, "arn:aws:iam::123456789012:user/dana", ecr)
	for name, c := range map[string]struct {
		all  history.Releases
		side reference.Side
		want string
	}{
		"own, old and new":               {history.Releases{old, theirs, other, nobody, own}, here, "aaaaaaa eeeeeee"},
		"of the other account":           {history.Releases{old, theirs, other, nobody, own}, there, "bbbbbbb"},
		"nobody's, if no side is known":  {history.Releases{nobody}, there, "ddddddd"},
		"not nobody's, if some is known": {history.Releases{nobody, old}, there, ""},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, c.want, strings.Join(commits(c.all.Of(c.side)), " "))
		})
	}
	assert.Equal(t, []string{"aaaaaaa", "bbbbbbb", "ccccccc", "ddddddd", "eeeeeee"}, commits(history.Releases{old, theirs, other, nobody, own}.Recent()))

	var many history.Releases
	for n := range history.DefaultRecent + 2 {
		many = append(many, record(strings.Repeat("f", 7+n%3), here.Account, here.Region, "", ecr))
	}
	assert.Len(t, append(slices.Clone(many), theirs).Recent(), history.DefaultRecent+1, "the last of each side")
}

func commits(h history.Releases) (all []string) {
	for _, r := range h {
		all = append(all, r.Commit)
	}
	return all
}

// Each side finds its own records, however many others there are.
func TestASideFindsItsRecords(t *testing.T) {
	repository := testkit.NewRegistry(t).Host + "/light"
	client := registry.NewClient(registry.Options{})
	own := history.NewStore(client, []string{repository}, here)
	others := history.NewStore(client, []string{repository}, reference.Side{Account: "222222222222", Region: here.Region})
	_, err := own.Add(t.Context(), of(history.Deploy, "abc1234"), nil)
	require.NoError(t, err)
	for n := range history.DefaultRecent + 1 {
		release := of(history.Deploy, fmt.Sprintf("%07d", n))
		release.Time = noon.Add(time.Duration(n) * time.Minute)
		_, err := others.Add(t.Context(), release, nil)
		require.NoError(t, err)
	}

	h, err := own.Releases(t.Context())

	require.NoError(t, err)
	assert.Equal(t, []string{"abc1234"}, commits(h))
	h, err = others.Releases(t.Context())
	require.NoError(t, err)
	assert.Len(t, h, history.DefaultRecent)
	h, err = others.All(t.Context())
	require.NoError(t, err)
	assert.Len(t, h, history.DefaultRecent+1)
}

// Whoever may push to the repository can write a record, and what it says is printed.
func TestARecordThatNoReleaseWrote(t *testing.T) {
	for name, forge := range map[string]func(*history.Release){
		"who":        func(r *history.Release) { r.Who = "dana\nno problems" },
		"a function": func(r *history.Release) { r.Functions[0].Lambda = "Api\x1b[2J" },
	} {
		t.Run(name, func(t *testing.T) {
			store := history.NewStore(registry.NewClient(registry.Options{}), []string{testkit.NewRegistry(t).Host + "/light"}, here)
			release := of(history.Deploy, "abc1234")
			forge(&release)
			tag, err := store.Add(t.Context(), release, nil)
			require.NoError(t, err)

			_, err = store.Releases(t.Context())

			require.ErrorContains(t, err, "read the release record "+tag)
			require.ErrorContains(t, err, ", which no release wrote; remove the tag")
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}

func TestATagThatIsNoRecord(t *testing.T) {
	r := testkit.NewRegistry(t)
	repository := r.Host + "/lambda-private-light"
	r.Push(t, "lambda-private-light:release-abc1234", testkit.OCIImage(t, testkit.AMD64))

	_, err := history.NewStore(registry.NewClient(registry.Options{}), []string{repository}, here).Releases(t.Context())

	require.ErrorContains(t, err, "read the release record release-abc1234 in "+repository+": it is not a release record; remove the tag")
}
