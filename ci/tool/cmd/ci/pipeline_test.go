package main

import (
	"testing"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy/handoff"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish"
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
		"a name":                   {[]string{"--env", "prod"}, targetFlags{account: "123456789012", region: "eu-central-1", alias: "us"}, ""},
		"a flag beside it":         {[]string{"--env", "prod", "--region", "us-east-1"}, targetFlags{account: "123456789012", region: "us-east-1", alias: "us"}, ""},
		"what makes another void":  {[]string{"--env", "prod", "--private-registry", "x.test"}, targetFlags{hosts: publish.Hosts{Private: "x.test"}, region: "eu-central-1", alias: "us"}, ""},
		"registries":               {[]string{"--env", "here"}, targetFlags{hosts: publish.Hosts{Private: "127.0.0.1:1", Public: "127.0.0.1:2"}}, ""},
		"a registry, and account":  {[]string{"--env", "here", "--account", "123456789012"}, targetFlags{hosts: publish.Hosts{Public: "127.0.0.1:2"}, account: "123456789012"}, ""},
		"one that is not there":    {[]string{"--env", "pord"}, targetFlags{}, `no environment is named "pord" (did you mean "prod"?); those in ci/pipeline.json are here, prod`},
		"one with an empty name":   {[]string{"--env", ""}, targetFlags{}, `no environment is named ""; those in ci/pipeline.json are here, prod`},
		"registries, one is given": {[]string{"--env", "here", "--public-registry", "y.test"}, targetFlags{hosts: publish.Hosts{Private: "127.0.0.1:1", Public: "y.test"}}, ""},
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

// The program of the steps does not hold the package, so it has the names of its formats.
func TestFormatsOfTheHandoff(t *testing.T) {
	assert.Equal(t, handoff.Formats, formats)
}
