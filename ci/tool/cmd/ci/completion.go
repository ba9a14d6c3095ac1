package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/workspace/catalog"
)

// shells are the shells that cobra writes completion scripts for.
var shells = []string{"bash", "zsh", "fish", "powershell"}

// newCompletion replaces cobra's own command, whose help says `ci` instead of `bin/ci` and
// which exits with 0 if the shell is unknown.
func newCompletion() *cobra.Command {
	return &cobra.Command{
		Use:   "completion SHELL",
		Short: "Print a script that completes commands, flags and image names",
		Long: `Print a script that completes commands, flags and image names in your shell.

SHELL is bash, zsh, fish or powershell. Load the script in the current shell, or write it
to a file that your shell reads at the start.`,
		Example:   "  source <(bin/ci completion bash)\n  bin/ci completion fish | source",
		ValidArgs: shells,
		Args: func(cmd *cobra.Command, args []string) error {
			if cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs)(cmd, args) != nil {
				return usageError{fmt.Errorf("pass one shell: bash, zsh, fish or powershell; see `%s --help`", cmd.CommandPath())}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			root := cmd.Root()
			return map[string]func(io.Writer) error{
				"bash":       func(w io.Writer) error { return root.GenBashCompletionV2(w, true) },
				"zsh":        root.GenZshCompletion,
				"fish":       func(w io.Writer) error { return root.GenFishCompletion(w, true) },
				"powershell": root.GenPowerShellCompletionWithDesc,
			}[args[0]](cmd.OutOrStdout())
		},
	}
}

// complete lets the shell complete the values of a command's flags: image names,
// platforms, variants and registries.
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
		"only": images, "name": images, "debug": images, "remote": images, "platform": words(platforms...),
		"variant":  words(string(catalog.Light), string(catalog.Heavy)),
		"registry": words(string(catalog.Private), string(catalog.Public)),
	} {
		if cmd.Flags().Lookup(flag) != nil {
			if err := cmd.RegisterFlagCompletionFunc(flag, values); err != nil {
				panic(err) // the flag exists
			}
		}
	}
}
