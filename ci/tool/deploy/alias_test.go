package deploy_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/publish/reference"
)

// aliasFaults are failures with the version or the alias of one function. With had, every
// function has the alias before the release.
var aliasFaults = map[string]struct {
	had  bool
	want outcome
	when string // the operation
	// reply is the answer to its nth call.
	reply func(lambdafake.Call) lambdafake.Reply
}{
	"nothing, and there was none":          {false, done, "", nil},
	"nothing, and there was one":           {true, done, "", nil},
	"no version may be published":          {true, undone, "PublishVersion", first(1000000, denied)},
	"publishing is throttled for a while":  {true, done, "PublishVersion", first(5, throttled)},
	"publishing conflicts for a while":     {true, done, "PublishVersion", first(2, conflict)},
	"the answer about the version is lost": {true, done, "PublishVersion", first(1, lambdafake.Reply{Drop: true})},
	"the alias may not be made":            {false, undone, "CreateAlias", first(1000000, denied)},
	"the alias may not be moved":           {true, undone, "UpdateAlias", first(1000000, denied)},
	"moving it is throttled for a while":   {true, done, "UpdateAlias", first(5, throttled)},
	"the answer about the move is lost":    {true, done, "UpdateAlias", first(1, lambdafake.Reply{Drop: true})},
	"every answer about making it is lost": {false, done, "CreateAlias", first(1000000, lambdafake.Reply{Drop: true})},
	"the alias may not be read":            {true, refused, "GetAlias", first(1000000, denied)},
}

func TestEveryFaultOfAnAliasAtEveryPosition(t *testing.T) {
	for name, fault := range aliasFaults {
		for victim := range names {
			t.Run(fmt.Sprintf("%s/%s", name, names[victim]), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				w.o.Alias = "live"
				if fault.had {
					for n, name := range names {
						w.aws.Change(name, func(f *lambdafake.Function) {
							f.Versions, f.Aliases["live"] = []string{repository + "@" + w.old[n], repository + "@older"}, "1"
							f.Weights["live"] = map[string]float64{"2": 0.3}
						})
					}
				}
				w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
					if c.Function == names[victim] && c.Operation == fault.when {
						return fault.reply(c)
					}
					return lambdafake.Reply{}
				}

				results, err := w.release(t.Context(), t)

				assert.Equal(t, fault.want, judge(t, w, victim, results, err), "%v", err)
				for n, name := range names {
					want := ""
					switch {
					case err == nil:
						want = w.new[n]
					case fault.had:
						want = w.old[n]
					}
					assert.Equal(t, want, w.alias(name), name)
					if fault.had && err != nil {
						assert.Equal(t, map[string]float64{"2": 0.3}, w.aws.Split(name, "live"), "the shares are restored")
					} else {
						assert.Empty(t, w.aws.Split(name, "live"), "no call goes to an old version")
					}
				}
			})
		}
	}
}

// alias returns the digest that the alias runs; "" if there is no alias.
func (w *world) alias(name string) string { return deploy.DigestOf(w.aws.Alias(name, "live")) }

// The error names an alias that cannot be rolled back, and the command to type; the rest
// is rolled back.
func TestAnAliasThatStays(t *testing.T) {
	w := newWorld(t)
	w.o.Alias, w.o.Parallel = "live", 1
	w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
		switch {
		case c.Operation == "CreateAlias" && c.Function == "Select", c.Operation == "DeleteAlias" && c.Function == "Api":
			return denied
		default:
			return lambdafake.Reply{}
		}
	}

	results, err := w.release(t.Context(), t)

	var mix *deploy.Mixed
	require.ErrorAs(t, err, &mix)
	require.EqualError(t, err, "move the alias of select (Select): CreateAlias Select:live: AccessDeniedException: as the test wants\n"+
		"1 function could NOT be rolled back:\n"+
		"Api (api), which ran "+deploy.Short(w.old[0])+": the alias live: DeleteAlias Api:live: AccessDeniedException: as the test wants\n"+
		"  type: aws lambda delete-alias --region eu-central-1 --function-name Api --name live")
	assert.Equal(t, w.old, w.running())
	assert.Equal(t, deploy.Stuck, results[0].State)
	assert.Equal(t, w.new[0], w.alias("Api"))
	assert.Empty(t, w.alias("Enhance"))
}

// The live tag moves on with the next deploy; the version that another alias may name stays.
func TestTheImageOfAVersionKeepsATag(t *testing.T) {
	w := newWorld(t)
	w.o.Alias = "live"
	r := w.releaser(t)
	p, err := r.Preflight(t.Context(), w.targets)
	require.NoError(t, err)
	results, err := r.Run(t.Context(), p)
	require.NoError(t, err)

	require.NoError(t, r.MarkLive(t.Context(), results))

	for n, target := range w.targets {
		for _, tag := range []string{reference.LiveTag(target.Image, w.o.Side), reference.ShieldTag(target.Image, w.new[n], w.o.Side)} {
			digest, ok, err := w.images.Digest(t.Context(), target.Repository, tag)
			require.NoError(t, err)
			assert.True(t, ok, tag)
			assert.Equal(t, w.new[n], digest.String(), tag)
		}
	}
}

// An alias that leads to the image, and a share of its calls elsewhere, gets no new version.
func TestOnlyTheSharesAreWrong(t *testing.T) {
	w := newWorld(t)
	w.o.Alias = "live"
	_, err := w.release(t.Context(), t)
	require.NoError(t, err)
	w.aws.Change("Thumb", func(f *lambdafake.Function) {
		f.Versions = append(f.Versions, repository+"@older")
		f.Weights["live"] = map[string]float64{"2": 0.3}
	})
	versions := len(w.aws.Calls("PublishVersion"))

	results, err := w.release(t.Context(), t)

	require.NoError(t, err)
	assert.Equal(t, deploy.Updated, results[3].State)
	assert.Empty(t, w.aws.Split("Thumb", "live"))
	assert.Equal(t, w.new[3], w.alias("Thumb"))
	assert.Len(t, w.aws.Calls("PublishVersion"), versions)
}

// A function that runs the image already, also by its alias, gets no call that changes it.
func TestNothingToDo(t *testing.T) {
	w := newWorld(t)
	w.o.Alias = "live"
	_, err := w.release(t.Context(), t)
	require.NoError(t, err)
	updates, versions := len(w.aws.Calls(update)), len(w.aws.Calls("PublishVersion"))

	results, err := w.release(t.Context(), t)

	require.NoError(t, err)
	for _, r := range results {
		assert.Equal(t, deploy.Unchanged, r.State)
	}
	assert.Len(t, w.aws.Calls(update), updates)
	assert.Len(t, w.aws.Calls("PublishVersion"), versions)
}
