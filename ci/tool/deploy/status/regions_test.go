package status_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/history"
	"lambdas.internal/ci/tool/deploy/status"
)

// in is a region whose functions run these digests: "one" is a commit's, "-" no function.
func in(region string, digests ...string) status.Regional {
	var rows []status.Row
	for n, digest := range digests {
		row := status.Row{Image: []string{"api", "thumb"}[n], Lambda: []string{"Api", "Thumb"}[n], Runs: digest, State: "Active", Commit: map[string]string{one: "abc1234", two: "def5678"}[digest]}
		if digest == "-" {
			row.Runs, row.State = "", ""
		}
		rows = append(rows, row)
	}
	return status.Regional{Region: region, Report: status.NewReport(here, rows, nil)}
}

func TestDifferencesOfRegions(t *testing.T) {
	short := func(digest string) string { return digest[:19] }
	for name, c := range map[string]struct {
		regions []status.Regional
		want    []string
	}{
		"the same": {[]status.Regional{in("eu-central-1", one, two), in("us-east-1", one, two)}, nil},
		"one of two differs": {
			[]status.Regional{in("eu-central-1", one, two), in("us-east-1", two, two)},
			[]string{"Api (api) runs " + short(one) + " (commit abc1234) in eu-central-1, and " + short(two) + " (commit def5678) in us-east-1"},
		},
		"one of three differs": {
			[]status.Regional{in("eu-central-1", one), in("us-east-1", two), in("us-west-2", one)},
			[]string{"Api (api) runs " + short(one) + " (commit abc1234) in eu-central-1, us-west-2, and " + short(two) + " (commit def5678) in us-east-1"},
		},
		"a function that does not exist is a problem of its own": {[]status.Regional{in("eu-central-1", one), in("us-east-1", "-")}, nil},
		"a region that is out of reach is not compared":          {[]status.Regional{in("eu-central-1", one), {Region: "us-east-1", Error: "no"}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			got := status.Join(c.regions, nil)

			assert.Equal(t, c.want, got.Differences)
			assert.Equal(t, len(c.want), got.Drifts)
			var out bytes.Buffer
			require.NoError(t, got.Table(&out))
			unread := c.regions[1].Report == nil
			assert.Equal(t, unread, strings.Contains(out.String(), "! us-east-1: could not be read, so it is unknown what its functions run: no\n"))
			assert.Equal(t, !unread && len(c.want) == 0, strings.Contains(out.String(), "no problems\n"))
		})
	}
}

func TestLacking(t *testing.T) {
	release := func(n int, commit string, functions ...history.Function) history.Release {
		return history.Release{Commit: commit, Time: noon.Add(time.Duration(n) * time.Hour), Functions: functions}
	}
	of := func(image, digest, commit string) history.Function {
		return history.Function{Image: image, After: digest, Commit: commit}
	}
	// The first region has three releases; the second one is new and has the last of them.
	third := release(3, "3333333", of("api", "a3", "3333333"), of("thumb", "t2", "2222222"))
	releases := []history.Releases{
		{release(1, "1111111", of("api", "a1", "1111111"), of("thumb", "t1", "1111111")), release(2, "2222222", of("api", "a1", "1111111"), of("thumb", "t2", "2222222")), third},
		{third},
	}
	for name, c := range map[string]struct {
		keep     int
		first    map[string]bool
		second   map[string]bool
		want     []string
		examined string
	}{
		"all are there": {5, map[string]bool{"a1": true, "t1": true}, map[string]bool{"a1": true, "t1": true}, nil, "a1 t1"},
		"the second lacks all": {5, map[string]bool{"a1": true, "t1": true}, map[string]bool{"a1": false, "t1": false},
			[]string{"us-east-1 does not have images of earlier releases: commit 1111111 (api, thumb); a rollback to them would stop; to put them there, check out such a commit and type bin/ci publish --no-latest --env prod"}, "a1 t1"},
		"the second lacks one": {5, map[string]bool{"a1": true, "t1": true}, map[string]bool{"a1": false, "t1": true},
			[]string{"us-east-1 does not have images of earlier releases: commit 1111111 (api); a rollback to them would stop; to put them there, check out such a commit and type bin/ci publish --no-latest --env prod"}, "a1 t1"},
		"retention has deleted it everywhere": {5, map[string]bool{"a1": false, "t1": false}, map[string]bool{"a1": false, "t1": false}, nil, "a1 t1"},
		"the second could not be read":        {5, map[string]bool{"a1": true, "t1": true}, nil, nil, "a1 t1"},
		"only the last commits count":         {2, map[string]bool{"a1": true}, map[string]bool{"a1": true}, nil, "a1"},
	} {
		t.Run(name, func(t *testing.T) {
			images := status.Earlier(releases, c.keep)
			var examined []string
			for _, f := range images {
				examined = append(examined, f.After)
			}

			got := status.Lacking([]status.Held{{Region: "eu-central-1", Has: c.first}, {Region: "us-east-1", Has: c.second}}, images, " --env prod")

			assert.Equal(t, c.examined, strings.Join(examined, " "))
			assert.Equal(t, c.want, got)
		})
	}
}
