package main

import (
	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// complete makes the shell complete what is known of the flags of a command: names
// of images, platforms, variants.
func (a *app) complete(cmd *cobra.Command) {
	images := func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		c, err := a.catalog()
		if err != nil {
			return nil, cobra.ShellCompDirectiveError
		}
		var names []string
		for _, f := range c.Functions {
			names = append(names, f.Image+"\t"+f.Reason)
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	words := func(all ...string) cobra.CompletionFunc {
		return func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return all, cobra.ShellCompDirectiveNoFileComp
		}
	}
	for flag, values := range map[string]cobra.CompletionFunc{
		"only": images, "name": images, "platform": words(platforms...),
		"variant":  words(string(catalog.Light), string(catalog.Heavy)),
		"registry": words(string(catalog.Private), string(catalog.Public)),
	} {
		if cmd.Flags().Lookup(flag) != nil {
			if err := cmd.RegisterFlagCompletionFunc(flag, values); err != nil {
				panic(err) // the flag is there
			}
		}
	}
}
