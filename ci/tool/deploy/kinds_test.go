package deploy_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
)

// On Lambda Managed Instances an update alone changes nothing that anyone sees.
func TestManagedInstances(t *testing.T) {
	instances := func(w *world, published string) {
		w.aws.Change("Select", func(f *lambdafake.Function) { f.Instances, f.Published = true, published })
	}
	published := func(w *world) (image string) {
		w.aws.Change("Select", func(f *lambdafake.Function) { image = deploy.DigestOf(f.Published) })
		return image
	}
	t.Run("a release is published", func(t *testing.T) {
		w := newWorld(t)
		instances(w, repository+"@"+w.old[2])

		results, err := w.release(t.Context(), t)

		require.NoError(t, err)
		assert.Equal(t, w.new[2], published(w))
		assert.Equal(t, []string{w.old[2], w.new[2]}, []string{results[2].Before, results[2].Now})
		results, err = w.release(t.Context(), t)
		require.NoError(t, err)
		assert.Equal(t, deploy.Unchanged, results[2].State)
	})
	t.Run("the image is there, but not published", func(t *testing.T) {
		w := newWorld(t)
		instances(w, repository+"@"+w.old[2])
		w.aws.Change("Select", func(f *lambdafake.Function) { f.Image = repository + "@" + w.new[2] })

		results, err := w.release(t.Context(), t)

		require.NoError(t, err)
		assert.Equal(t, deploy.Updated, results[2].State)
		assert.Equal(t, w.new[2], published(w))
	})
	t.Run("nothing was published before", func(t *testing.T) {
		w := newWorld(t)
		instances(w, "")

		results, err := w.release(t.Context(), t)

		require.NoError(t, err)
		assert.Equal(t, w.new[2], published(w))
		assert.Contains(t, results[2].Warning, "it is unknown which image it runs")
	})
	t.Run("a release that fails is published back", func(t *testing.T) {
		w := newWorld(t)
		instances(w, repository+"@"+w.old[2])
		w.o.Parallel = 1
		w.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
			if c.Operation == "UpdateFunctionCode" && c.Function == names[4] && !c.DryRun && c.Count == 1 {
				return lambdafake.Reply{Fail: "InvalidImage: it broke"}
			}
			return lambdafake.Reply{}
		}

		_, err := w.release(t.Context(), t)

		require.ErrorAs(t, err, new(*deploy.RolledBack))
		assert.Equal(t, w.old[2], published(w))
		assert.Equal(t, w.old, w.running())
	})
}

// A function that isolates tenants is called for one, a durable one by a version.
func TestSmokeOfNewerKinds(t *testing.T) {
	w := newWorld(t)
	w.o.Smoke = true
	w.aws.Change(names[0], func(f *lambdafake.Function) { f.Tenants = true })
	w.aws.Change(names[1], func(f *lambdafake.Function) { f.Durable = true })
	_, err := w.release(t.Context(), t)
	require.ErrorContains(t, err, "does not name the tenant")

	w.targets[0].Tenant = "test"
	_, err = w.release(t.Context(), t)
	require.NoError(t, err)
	calls := map[string]lambdafake.Call{}
	for _, c := range w.aws.Calls("Invoke") {
		calls[c.Function] = c
	}
	assert.Equal(t, "test", calls[names[0]].Tenant)
	assert.Equal(t, "$LATEST", calls[names[1]].Qualifier)
	assert.Empty(t, calls[names[2]].Qualifier)
}

// A state that this program does not know is none that works.
func TestStatesThatAreNotKnown(t *testing.T) {
	for name, test := range map[string]struct {
		f       deploy.Function
		settled bool
		want    string
	}{
		"active":                   {deploy.Function{State: "Active", Update: "Successful"}, true, ""},
		"inactive":                 {deploy.Function{State: "Inactive", Update: "Successful"}, true, ""},
		"an update runs":           {deploy.Function{State: "Active", Update: "InProgress"}, false, ""},
		"pending":                  {deploy.Function{State: "Pending", Update: "Successful"}, false, ""},
		"deactivating":             {deploy.Function{State: "Deactivating", Update: "Successful"}, false, "State is Deactivating"},
		"deactivated":              {deploy.Function{State: "Deactivated", Update: "Successful", StateReason: "idle"}, true, "State is Deactivated: idle"},
		"deleting":                 {deploy.Function{State: "Deleting", Update: "Successful"}, true, "State is Deleting"},
		"a state of another day":   {deploy.Function{State: "Sleeping", Update: "Successful"}, true, "State is Sleeping"},
		"an update of another day": {deploy.Function{State: "Active", Update: "Halted", UpdateReason: "Quota: none is left"}, true, "LastUpdateStatus is Halted: Quota: none is left"},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, test.settled, test.f.Settled())
			assert.Equal(t, test.want, test.f.Failed())
		})
	}
}
