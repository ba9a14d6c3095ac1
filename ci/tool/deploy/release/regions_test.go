package release_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/lambdaapi"
	"lambdas.internal/ci/tool/deploy/release"
	"lambdas.internal/ci/tool/image/layer"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
)

var regions = []string{"eu-central-1", "us-east-1", "us-west-2"}

// world has one function in each region, with the images old and new.
type world struct {
	aws      *lambdafake.Fake
	images   *testkit.Registry
	old, new string
	client   *registry.Client
}

func newWorld(t *testing.T) *world {
	w := &world{aws: lambdafake.New(t), images: testkit.NewRegistry(t), client: registry.NewClient(registry.Options{})}
	push := func(tag string) string {
		img := testkit.OCIImage(t, testkit.AMD64, layer.Text("bootstrap", 0o755, tag))
		w.images.Push(t, "light:"+tag, img)
		return testkit.DigestOf(t, img).String()
	}
	w.old, w.new = push("api-1111111"), push("api-2222222")
	for _, region := range regions {
		w.aws.In(region).Add("Api", w.images.Host+"/light@"+w.old)
	}
	return w
}

var fast = deploy.Pace{Poll: time.Millisecond, PollLongest: 2 * time.Millisecond, Settle: 5 * time.Second, Revert: 5 * time.Second, Smoke: 5 * time.Second}

// parts are the checked releases of the regions.
func (w *world) parts(t *testing.T, kind history.Kind) (parts []release.Part) {
	for _, region := range regions {
		side := reference.Side{Account: lambdafake.Account, Region: region}
		config := aws.Config{Region: region, BaseEndpoint: aws.String(w.aws.URL), Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "example", ""), HTTPClient: http.DefaultClient}
		r := &release.Release{
			Kind: kind, Commit: "2222222", Records: history.NewStore(w.client, []string{w.images.Host + "/light"}, side), Releases: history.Releases{{Commit: "1111111"}},
			Targets: []deploy.Target{{Image: "api", Lambda: "Api", Repository: w.images.Host + "/light", Digest: w.new}},
			Step:    func(string) func(error) { return func(error) {} },
		}
		d := deploy.NewReleaser(lambdaapi.New(config), w.client, deploy.Options{Side: side, Pace: fast, StandIn: true})
		plan, err := r.Preflight(t.Context(), d)
		require.NoError(t, err)
		parts = append(parts, release.Part{Region: region, Release: r, Releaser: d, Plan: plan})
	}
	return parts
}

// refuse makes the nth and later updates of a region fail.
func (w *world) refuse(region string, nth int) {
	w.aws.In(region).Answer = func(c lambdafake.Call) lambdafake.Reply {
		if c.Operation == "UpdateFunctionCode" && !c.DryRun && c.Count >= nth {
			return lambdafake.Reply{Status: http.StatusForbidden, Code: "AccessDeniedException", Message: "no"}
		}
		return lambdafake.Reply{}
	}
}

func TestRunAll(t *testing.T) {
	const again = "; to go on, type the same command again: it changes nothing where it is done"
	for name, c := range map[string]struct {
		kind      history.Kind
		allOrNone bool
		given     func(t *testing.T, w *world, stop context.CancelFunc)
		// want is what the function of each region runs, and records how many releases are recorded.
		outcome, want string
		records       int
		next          string
	}{
		"all regions": {
			history.Deploy, false, nil, "done", "new new new", 3, "",
		},
		"all regions or none, and all": {
			history.Deploy, true, nil, "done", "new new new", 3, "",
		},
		"the second fails": {
			history.Deploy, false, func(_ *testing.T, w *world, _ context.CancelFunc) { w.refuse("us-east-1", 1) }, "partly", "new old old", 1,
			"eu-central-1 done, us-east-1 rolled back, us-west-2 not begun" + again + "; to take back what is done: bin/ci rollback --env prod --region eu-central-1",
		},
		"the second fails, all or none": {
			history.Deploy, true, func(_ *testing.T, w *world, _ context.CancelFunc) { w.refuse("us-east-1", 1) }, "rolled-back", "old old old", 0,
			"eu-central-1 rolled back, us-east-1 rolled back, us-west-2 not begun; every function of every region runs the same image as before, so the same command tries again",
		},
		"the first fails": {
			history.Deploy, false, func(_ *testing.T, w *world, _ context.CancelFunc) { w.refuse("eu-central-1", 1) }, "rolled-back", "old old old", 0,
			"eu-central-1 rolled back, us-east-1 not begun, us-west-2 not begun; every function of every region runs the same image as before, so the same command tries again",
		},
		"the second fails, and the first ran the image already": {
			history.Deploy, false, func(_ *testing.T, w *world, _ context.CancelFunc) {
				w.aws.Change("Api", func(f *lambdafake.Function) { f.Image = w.images.Host + "/light@" + w.new })
				w.refuse("us-east-1", 1)
			}, "rolled-back", "new old old", 1,
			"eu-central-1 done, us-east-1 rolled back, us-west-2 not begun; every function of every region runs the same image as before, so the same command tries again",
		},
		"the last fails, all or none, and one does not go back": {
			history.Deploy, true, func(_ *testing.T, w *world, _ context.CancelFunc) {
				w.refuse("eu-central-1", 2)
				w.refuse("us-west-2", 1)
			}, "mixed", "new old old", 0,
			"eu-central-1 NOT ROLLED BACK, us-east-1 rolled back, us-west-2 rolled back; first type the commands above" + again,
		},
		"an interrupt in the first": {
			history.Deploy, false, func(_ *testing.T, w *world, stop context.CancelFunc) { w.interrupt(stop) }, "partly", "new old old", 1,
			"eu-central-1 done, us-east-1 not begun, us-west-2 not begun" + again + "; to take back what is done: bin/ci rollback --env prod --region eu-central-1",
		},
		"an interrupt in the first, all or none": {
			history.Deploy, true, func(_ *testing.T, w *world, stop context.CancelFunc) { w.interrupt(stop) }, "rolled-back", "old old old", 0,
			"eu-central-1 rolled back, us-east-1 not begun, us-west-2 not begun; every function of every region runs the same image as before, so the same command tries again",
		},
		"a rollback that stops": {
			history.Rollback, false, func(_ *testing.T, w *world, _ context.CancelFunc) { w.refuse("us-east-1", 1) }, "partly", "new old old", 1,
			"eu-central-1 done, us-east-1 rolled back, us-west-2 not begun; to go on: bin/ci rollback --to 2222222 --env prod --region us-east-1 && bin/ci rollback --to 2222222 --env prod --region us-west-2" +
				"; to take back what is done: bin/ci rollback --to 1111111 --env prod --region eu-central-1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			if c.given != nil {
				c.given(t, w, stop)
			}

			got, err := release.RunAll(ctx, w.parts(t, c.kind), release.Options{AllOrNone: c.allOrNone, Flags: " --env prod"})

			assert.Equal(t, c.outcome == "done", err == nil, "%v", err)
			assert.Equal(t, c.outcome, got.Outcome)
			assert.Equal(t, c.outcome == "rolled-back", got.RolledBack())
			assert.Equal(t, c.next, got.Next)
			var runs []string
			for _, region := range regions {
				runs = append(runs, map[string]string{w.old: "old", w.new: "new"}[deploy.DigestOf(w.aws.In(region).Image("Api"))])
			}
			assert.Equal(t, c.want, strings.Join(runs, " "))
			recorded, err := history.NewStore(w.client, []string{w.images.Host + "/light"}, reference.Side{}).All(t.Context())
			require.NoError(t, err)
			assert.Len(t, recorded, c.records, "what is rolled back is not recorded")
			_, live, err := w.client.Digest(t.Context(), w.images.Host+"/light", reference.LiveTag("api", reference.Side{Account: lambdafake.Account, Region: regions[0]}))
			require.NoError(t, err)
			assert.Equal(t, c.records > 0, live)
		})
	}
}

// interrupt ends the command while the function of the first region is updated.
func (w *world) interrupt(stop context.CancelFunc) {
	w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
		if c.Operation == "UpdateFunctionCode" && !c.DryRun {
			stop()
		}
		return lambdafake.Reply{}
	}
}
