package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/handoff"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// What --env names is as if it was passed; what is passed stays.
func TestEnvironment(t *testing.T) {
	c := testkit.Workspace(t, map[string]string{catalog.PipelineFile: `{"environments": {
		"prod": {"account": "123456789012", "region": "eu-central-1", "alias": "live", "publicAlias": "us"},
		"here": {"privateRegistry": "127.0.0.1:1", "publicRegistry": "127.0.0.1:2"}}}`})
	for name, test := range map[string]struct {
		args []string
		want targetFlags
		err  string
	}{
		"none":                     {nil, targetFlags{}, ""},
		"a name":                   {[]string{"--env", "prod"}, targetFlags{account: "123456789012", region: []string{"eu-central-1"}, alias: "us"}, ""},
		"a flag beside it":         {[]string{"--env", "prod", "--region", "us-east-1"}, targetFlags{account: "123456789012", region: []string{"us-east-1"}, alias: "us"}, ""},
		"what makes another void":  {[]string{"--env", "prod", "--private-registry", "x.test"}, targetFlags{hosts: reference.Hosts{Private: "x.test"}, region: []string{"eu-central-1"}, alias: "us"}, ""},
		"registries":               {[]string{"--env", "here"}, targetFlags{hosts: reference.Hosts{Private: "127.0.0.1:1", Public: "127.0.0.1:2"}}, ""},
		"a registry, and account":  {[]string{"--env", "here", "--account", "123456789012"}, targetFlags{hosts: reference.Hosts{Public: "127.0.0.1:2"}, account: "123456789012"}, ""},
		"one that is not there":    {[]string{"--env", "pord"}, targetFlags{}, `no environment is named "pord" (did you mean "prod"?); those in ci/pipeline.json are here, prod`},
		"one with an empty name":   {[]string{"--env", ""}, targetFlags{}, `no environment is named ""; those in ci/pipeline.json are here, prod`},
		"registries, one is given": {[]string{"--env", "here", "--public-registry", "y.test"}, targetFlags{hosts: reference.Hosts{Private: "127.0.0.1:1", Public: "y.test"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got targetFlags
			cmd := &cobra.Command{Use: "x", RunE: func(*cobra.Command, []string) error { return nil }}
			got.add(cmd)
			require.NoError(t, cmd.ParseFlags(test.args))

			err := (&app{root: c.Root}).environment(cmd)

			if test.err != "" {
				require.EqualError(t, err, test.err)
				assert.ErrorAs(t, err, &usageError{})
				return
			}
			require.NoError(t, err)
			assert.Equal(t, test.want, got)
		})
	}
}

// Every command that sets or reads a tag follows the patterns of the pipeline.
func TestTagsOfThePipeline(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	testkit.Write(t, s.catalog.Root, map[string]string{catalog.PipelineFile: `{"tags": {"commit": "{name}.git-{commit}", "latest": "{name}_main"}}`})
	s.ci(exitDone, "publish --commit 1111111")
	s.ci(exitDone, "deploy --commit 1111111")
	s.edit("media-lambda")
	s.ci(exitDone, "publish --commit 2222222")
	s.ci(exitDone, "diff latest live --public-registry "+s.host)
	assert.Contains(t, s.story.String(), "api ")
	s.ci(exitDone, "diff 1111111 2222222 --public-registry "+s.host)
	s.ci(exitDone, "deploy --commit 2222222")
	s.ci(exitFailed, "deploy --commit 3333333")
	assert.Contains(t, s.story.String(), "api.git-3333333")
	assert.Contains(t, s.story.String(), "the registry holds these commits of api: 1111111, 2222222\n")
	s.ci(exitDone, "status")
	s.ci(exitDone, "images --published --commit 1111111 --format tfvars")
	s.ci(exitDone, "rollback")

	tags, err := registry.NewClient(registry.Options{}).Tags(t.Context(), s.host+"/lambda-private-light")
	require.NoError(t, err)
	tags = slices.DeleteFunc(tags, func(tag string) bool {
		return !strings.Contains(tag, ".git-") && !strings.HasSuffix(tag, "_main")
	})
	slices.Sort(tags)
	assert.Equal(t, []string{"api.git-1111111", "api.git-2222222", "api_main", "enhance.git-1111111", "enhance.git-2222222", "enhance_main",
		"thumb.git-1111111", "thumb.git-2222222", "thumb_main"}, tags)
}

// The program of the steps does not hold the package, so it has the names of its formats.
func TestFormatsOfTheHandoff(t *testing.T) {
	assert.Equal(t, handoff.Formats, formats)
}
