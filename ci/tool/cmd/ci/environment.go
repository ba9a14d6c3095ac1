package main

import (
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// environmentFlag names an environment of [catalog.PipelineFile].
const environmentFlag = "env"

// addEnvironment adds --env, unless it is a list of variables for the function.
func addEnvironment(cmd *cobra.Command) {
	if cmd.Flags().Lookup(environmentFlag) != nil {
		return
	}
	cmd.Flags().String(environmentFlag, "", "environment in "+catalog.PipelineFile+", with the values of --region, --account and others that are not passed")
}

// without are flags that leave another one without effect.
var without = map[string]string{
	"account": "private-registry", "private-registry": "account",
	"public-alias": "public-registry", "public-registry": "public-alias",
}

// environment sets the flags of the environment that --env names. Those that are passed stay.
func (a *app) environment(cmd *cobra.Command) error {
	flags := cmd.Flags()
	flag := flags.Lookup(environmentFlag)
	if flag == nil || flag.Value.Type() != "string" || !flag.Changed {
		return nil
	}
	root, err := a.workspace()
	if err != nil {
		return err
	}
	p, err := catalog.LoadPipeline(root)
	if err != nil {
		return err
	}
	e, err := p.Environment(flag.Value.String())
	if err != nil {
		return usageError{err}
	}
	values := e.Flags()
	maps.DeleteFunc(values, func(name, _ string) bool {
		return flags.Lookup(name) == nil || flags.Changed(name) || flags.Changed(without[name])
	})
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if err := flags.Set(name, values[name]); err != nil {
			return usageError{err}
		}
	}
	return nil
}
