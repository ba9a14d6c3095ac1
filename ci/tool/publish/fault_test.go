package publish

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/image"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

var (
	seeds     = flag.Int("seeds", 10, "how many cases of faults to run")
	firstSeed = flag.Uint64("seed", 1, "the first of them")
)

// scene has the image layouts of an old and a new commit.
type scene struct {
	old, young string
}

// few returns three functions, whose images make five items in four repositories.
func few() []catalog.Function { return registrytest.Functions()[1:4] }

func newScene(t *testing.T) scene {
	functions := few()
	return scene{
		old:   registrytest.Layout(t, functions, "old", nil, image.Offline, "test"),
		young: registrytest.Layout(t, functions, "young", map[string]string{"select": "old"}, image.Offline, "test"),
	}
}

func (s scene) at(t testing.TB, h reference.Hosts, dir, commit string) publishing {
	t.Helper()
	functions := few()
	images, err := ReadImages(dir, functions, nil)
	require.NoError(t, err)
	return publishing{commit, reference.Items(functions, h, commit), documented(images, commit), nil}
}

// TestFaults publishes over a network that fails at random, by a seed. After each failure
// no latest tag is wrong, nothing that was published is lost, and publishing again
// completes.
func TestFaults(t *testing.T) {
	s := newScene(t)
	requests := countRequests(t, s)
	var ran, failed, stuck atomic.Int64
	t.Run("seeds", func(t *testing.T) {
		for n := range uint64(*seeds) {
			seed := *firstSeed + n
			t.Run(fmt.Sprint(seed), func(t *testing.T) {
				t.Parallel()
				random := rand.New(rand.NewPCG(seed, 5))
				ran.Add(1)
				err := faults(t, s, random, requests)
				if err != nil {
					failed.Add(1)
					if strings.Contains(err.Error(), "rolled back:") {
						stuck.Add(1)
					}
				}
			})
		}
	})
	t.Logf("%d seeds from %d: %d publishes failed, of them %d named the latest tags that they left moved",
		ran.Load(), *firstSeed, failed.Load(), stuck.Load())
	if ran.Load() >= 200 {
		assert.Greater(t, failed.Load(), ran.Load()/5, "enough of the faults were serious")
		assert.Less(t, failed.Load(), ran.Load()*4/5, "enough of them passed")
	}
}

func countRequests(t *testing.T, s scene) int {
	r := registrytest.New(t)
	c := client(t, registry.Options{})
	_, _, err := s.at(t, hosts(r), s.old, first).publish(t.Context(), c, false)
	require.NoError(t, err)
	r.Fail(nil)
	_, _, err = s.at(t, hosts(r), s.young, second).publish(t.Context(), c, false)
	require.NoError(t, err)
	return len(r.Requests())
}

// faults runs the case of one seed.
func faults(t *testing.T, s scene, random *rand.Rand, requests int) error {
	r := registrytest.New(t)
	a, b := s.at(t, hosts(r), s.old, first), s.at(t, hosts(r), s.young, second)
	before := map[string]string{}
	if random.IntN(4) > 0 { // otherwise nothing was published before
		_, _, err := a.publish(t.Context(), client(t, registry.Options{}), false)
		require.NoError(t, err)
		before = want(a)
	}

	var fault registrytest.Fault
	dead := random.IntN(2) == 0
	if dead {
		fault = registrytest.From(1+random.IntN(requests), random.IntN(2) == 0)
	} else {
		numbers := map[int]bool{}
		for range 1 + random.IntN(12) {
			numbers[1+random.IntN(requests)] = true
		}
		fault = registrytest.Passing(random, numbers)
	}
	r.Fail(fault)
	_, _, failure := b.publish(t.Context(), client(t, registry.Options{}), false)
	r.Fail(nil)

	check(t, r, before, b, failure)
	if !dead {
		require.NoError(t, failure, "publish survives faults that pass")
	}
	_, _, err := b.publish(t.Context(), client(t, registry.Options{}), false)
	require.NoError(t, err, "publishing again completes")
	attached(t, r, b)
	expected := maps.Clone(before)
	maps.Copy(expected, want(b))
	require.Equal(t, expected, tags(t, r))
	if random.IntN(10) == 0 { // takes as long as the rest of the test
		pulls(t, r, expected)
	}
	return failure
}

// check asserts what holds after every publish, whether it failed or not.
func check(t *testing.T, r *registrytest.Registry, before map[string]string, b publishing, failure error) {
	t.Helper()
	now, after := tags(t, r), want(b)
	moved := 0
	for tag, digest := range now {
		_, isNew := after[tag]
		_, isOld := before[tag]
		require.True(t, isNew || isOld, "no unexpected tag: %s", tag)
		if !strings.HasSuffix(tag, latestEnd) {
			continue
		}
		if digest != before[tag] {
			moved++
			require.Equal(t, after[tag], digest, "latest is old or new")
			if failure != nil {
				require.ErrorContains(t, failure, r.Host+"/"+tag, "a latest tag that stays moved is named")
			}
		}
	}
	for tag, digest := range before {
		if !strings.HasSuffix(tag, latestEnd) || failure != nil && moved == 0 {
			require.Equal(t, digest, now[tag], "nothing that was published is lost: %s", tag)
		}
		require.NotEmpty(t, now[tag], "nothing that was published is lost: %s", tag)
	}
	if moved > 0 || failure == nil {
		attached(t, r, b) // latest moves only after everything is attached
	}
	if failure == nil {
		for tag, digest := range after {
			require.Equal(t, digest, now[tag], "everything is published: %s", tag)
		}
	}
}

// TestKilled starts this test program again as the publisher that it kills.
const (
	helperHost = "PUBLISH_TEST_HOST"
	helperDir  = "PUBLISH_TEST_LAYOUT"
)

func TestMain(m *testing.M) {
	if host := os.Getenv(helperHost); host != "" {
		os.Exit(helper(host, os.Getenv(helperDir)))
	}
	os.Exit(m.Run())
}

func helper(host, dir string) int {
	functions := few()
	images, err := ReadImages(dir, functions, nil)
	if err == nil {
		b := publishing{second, reference.Items(functions, reference.Hosts{Private: host, Public: host + "/alias"}, second), documented(images, second), nil}
		_, _, err = b.publish(context.Background(), registry.NewClient(registry.Options{Retry: &quick}), false)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// TestKilled kills the publishing process when a request arrives: at every seventh, and at
// each that moves a latest tag. Killed between the first and the last of these, it leaves
// latest tags of two commits, which only another publish can fix.
func TestLongKilled(t *testing.T) {
	s := newScene(t)
	var numbers []int
	{
		r := registrytest.New(t)
		a := s.at(t, hosts(r), s.old, first)
		_, _, err := a.publish(t.Context(), client(t, registry.Options{}), false)
		require.NoError(t, err)
		r.Fail(nil)
		_, _, err = s.at(t, hosts(r), s.young, second).publish(t.Context(), client(t, registry.Options{}), false)
		require.NoError(t, err)
		for _, q := range r.Requests() {
			if q.Number%7 == 1 || movesLatest(q) {
				numbers = append(numbers, q.Number)
			}
		}
	}
	for _, number := range numbers {
		t.Run(fmt.Sprintf("at request %d", number), func(t *testing.T) {
			t.Parallel()
			r := registrytest.New(t)
			a, b := s.at(t, hosts(r), s.old, first), s.at(t, hosts(r), s.young, second)
			_, _, err := a.publish(t.Context(), client(t, registry.Options{}), false)
			require.NoError(t, err)

			process := exec.CommandContext(t.Context(), os.Args[0])
			process.Env = append(os.Environ(), helperHost+"="+r.Host, helperDir+"="+s.young)
			var moving atomic.Bool
			started := make(chan struct{})
			r.Fail(func(q registrytest.Request, w http.ResponseWriter, req *http.Request, serve http.Handler) bool {
				if movesLatest(q) && q.Number < number {
					moving.Store(true)
				}
				if q.Number == number {
					<-started
					_ = process.Process.Kill()
				}
				if q.Number >= number {
					return registrytest.Do(registrytest.Reset, w, req, serve)
				}
				return false
			})
			require.NoError(t, process.Start())
			close(started)
			require.Error(t, process.Wait(), "it was killed")
			// A request that it had sent already may still arrive, and has to fail.
			time.Sleep(300 * time.Millisecond)
			r.Fail(nil)

			now := tags(t, r)
			for tag, digest := range want(a) {
				if !moving.Load() || !strings.HasSuffix(tag, latestEnd) {
					require.Equal(t, digest, now[tag], tag)
				}
			}
			_, _, err = b.publish(t.Context(), client(t, registry.Options{}), false)
			require.NoError(t, err)
			require.Equal(t, want(a, b), tags(t, r))
			attached(t, r, b)
		})
	}
}

func movesLatest(q registrytest.Request) bool {
	return q.Method == http.MethodPut && strings.HasSuffix(q.Path, latestEnd)
}
