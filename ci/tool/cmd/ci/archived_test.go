package main

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/deploy/plan"
	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// The plan says that a rollback of its deploy would have to wait.
func TestPlanSaysThatARollbackWouldWait(t *testing.T) {
	const name = "lambda-private-light"
	aws := awsfake.New(t)
	aws.Add(awsfake.Private, name, awsfake.Image{Digest: digest("a"), Status: "ARCHIVED"}, awsfake.Image{Digest: digest("b")})
	s, err := awsauth.New(t.Context(), "")
	require.NoError(t, err)
	functions := []catalog.Function{{Image: "one", Lambda: "One", Variant: catalog.Light, Registry: catalog.Private}, {Image: "two", Lambda: "Two", Variant: catalog.Light, Registry: catalog.Private}}
	planned := func() *plan.Plan {
		p := plan.New("abc1234", functions, nil)
		p.Functions[0].Runs, p.Functions[1].Runs = digest("a"), digest("b")
		(&fleet{ecr: s.ECR, hosts: reference.Hosts{Private: "registry"}}).addArchived(t.Context(), p, functions)
		return p
	}

	p := planned()
	assert.Equal(t, []string{"One"}, p.Archived)
	assert.Empty(t, p.NotSeen)

	aws.Fail("ecr.DescribeImages", awsfake.AccessDenied)
	p = planned()
	assert.Empty(t, p.Archived)
	require.Len(t, p.NotSeen, 1)
	assert.Contains(t, p.NotSeen[0], "whether a rollback would have to wait for archived images: list the images of "+name)
}

// A rollback restores what somebody's rule has archived, and waits for it.
func TestRollbackToAnArchivedImage(t *testing.T) {
	const name = "lambda-private-light"
	for title, test := range map[string]struct {
		status  string
		dryRun  bool
		denied  bool
		elapses error // while AWS restores
		calls   int
		err     string
		tells   string
	}{
		"archived":                 {status: "ARCHIVED", calls: 1, tells: "1 image of " + name + " is archived, so Lambda cannot pull it; restoring it takes up to 20m0s; Ctrl-C stops the wait"},
		"on its way":               {status: "ACTIVATING", tells: "restoring it takes"},
		"active":                   {},
		"a dry run":                {status: "ARCHIVED", dryRun: true, tells: "; the rollback restores it first, which takes up to 20m0s"},
		"images cannot be listed":  {status: "ARCHIVED", denied: true},
		"a status of another day":  {status: "FROZEN", elapses: errLate, err: "wait for archived images of " + name + ": AWS has not restored them in an hour; run the same command again later; no function was changed", tells: "restoring it takes"},
		"a restore that is denied": {status: "ARCHIVED", calls: 1, err: "AccessDeniedException", tells: "restoring it takes"},
	} {
		t.Run(title, func(t *testing.T) {
			aws := awsfake.New(t)
			aws.Add(awsfake.Private, name, awsfake.Image{Digest: digest("a"), Status: test.status}, awsfake.Image{Digest: digest("b"), Status: "ARCHIVED"})
			if test.denied {
				aws.Fail("ecr.DescribeImages", awsfake.AccessDenied)
			}
			if title == "a restore that is denied" {
				aws.Fail("ecr.UpdateImageStorageClass", awsfake.AccessDenied)
			}
			s, err := awsauth.New(t.Context(), "")
			require.NoError(t, err)
			then := clock
			t.Cleanup(func() { clock = then })
			clock.Sleep = func(context.Context, time.Duration) error { return test.elapses }
			var told bytes.Buffer
			cmd := &cobra.Command{}
			cmd.SetErr(&told)
			cmd.SetContext(t.Context())

			err = (&fleet{ecr: s.ECR}).restore(cmd, []deploy.Target{{Repository: "registry/" + name, Digest: digest("a")}}, test.dryRun)

			if test.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, test.err)
			}
			assert.Contains(t, told.String(), test.tells)
			assert.Len(t, aws.Calls("ecr.UpdateImageStorageClass"), test.calls)
			assert.Equal(t, "ARCHIVED", aws.Repository(awsfake.Private, name).Images[1].Status, "nobody asked for that one")
		})
	}
}
