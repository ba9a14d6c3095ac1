package main

import (
	"bytes"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"

	"lambdas.internal/ci/tool/deploy/release"
)

// Each region goes back by its own records, which may differ.
func TestRegionsThatGoBackToDifferentCommits(t *testing.T) {
	for title, test := range map[string]struct {
		commits []string
		want    string
	}{
		"one region":    {[]string{"1111111"}, ""},
		"the same":      {[]string{"1111111", "1111111"}, ""},
		"two of three":  {[]string{"1111111", "1111111", "2222222"}, "ci: warning: the regions go back to different commits: a to 1111111, b to 1111111, c to 2222222; for one commit in all: bin/ci rollback --to COMMIT --env prod\n"},
		"all different": {[]string{"1111111", "2222222"}, "ci: warning: the regions go back to different commits: a to 1111111, b to 2222222; for one commit in all: bin/ci rollback --to COMMIT --env prod\n"},
	} {
		t.Run(title, func(t *testing.T) {
			var told bytes.Buffer
			cmd := &cobra.Command{}
			cmd.SetErr(&told)
			var all []releasing
			for n, commit := range test.commits {
				all = append(all, releasing{&fleet{regional: regional{name: string(rune('a' + n)), all: " --env prod"}}, &release.Release{Commit: commit}})
			}

			apart(cmd, all)

			assert.Equal(t, test.want, told.String())
		})
	}
}
