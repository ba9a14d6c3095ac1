//go:build !steps

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"lambdas.internal/ci/tool/publish/iam"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func newIAM(a *app) *cobra.Command {
	var role, account, github, elsewhere string
	var region []string
	var trust bool
	all := append(slices.Clone(iam.Roles), iam.Repository)
	cmd := &cobra.Command{
		Use:   "iam",
		Short: "Print the IAM policy of a role that runs commands at AWS",
		Long: `Print the IAM policy of a role that runs commands at AWS.

The policy allows what the commands of the role call, for the repositories and functions
of this workspace:

  plan       read: plan, cost, diff, verify
  publish    push images, make repositories, move the latest tags
  deploy     update functions, roll back
  retention  set lifecycle policies, delete old images
  codebuild  what CodeBuild itself needs
  repository the policy of a repository, for another account that deploys from it

--trust prints who may assume the role instead. What no flag says stays a word in <>.`,
		Example: "  bin/ci iam --role publish\n  bin/ci iam --role deploy --env production\n  bin/ci iam --role deploy --trust --account 123456789012 --github example/lambdas",
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !slices.Contains(all, role) {
				return usageError{fmt.Errorf("--role: %q is not a role; pass %s or %s", role, strings.Join(all[:len(all)-1], ", "), all[len(all)-1])}
			}
			if trust && role == iam.Repository {
				return usageError{fmt.Errorf("--trust: a repository is no role that anyone assumes; leave it out")}
			}
			if wrong := catalog.CheckRegions(region); len(region) > 1 && wrong != "" {
				return usageError{errors.New("--region: " + wrong)}
			}
			if role == iam.Repository || role == "codebuild" {
				if _, err := oneRegion("what this policy is for", region); err != nil {
					return err
				}
			}
			owner, name, ok := strings.Cut(github, "/")
			if github != "" && (!ok || owner == "" || name == "") {
				return usageError{fmt.Errorf("--github: %q is not a repository; write OWNER/NAME", github)}
			}
			c, err := a.catalog()
			if err != nil {
				return err
			}
			made := iam.Policy
			if trust {
				made = iam.Trust
			}
			content, err := made(c, role, iam.Blanks{"account": account, "region": strings.Join(region, ","), "owner": owner, "repository": name, "functions-account": elsewhere})
			if err != nil {
				return err
			}
			_, err = cmd.OutOrStdout().Write(content)
			return err
		},
	}
	flags := cmd.Flags()
	addEnvironment(cmd)
	flags.StringVar(&role, "role", "", "role: "+strings.Join(all, ", "))
	flags.BoolVar(&trust, "trust", false, "print who may assume the role")
	flags.StringVar(&account, "account", "", "AWS account (default: <account>)")
	flags.StringSliceVar(&region, "region", nil, "AWS region, or several with commas between (default: <region>)")
	flags.StringVar(&github, "github", "", "repository on GitHub, OWNER/NAME, whose jobs assume the role (default: <owner>/<repository>)")
	flags.StringVar(&elsewhere, "functions-account", "", "other account that deploys from the repository (default: <functions-account>)")
	if err := cmd.MarkFlagRequired("role"); err != nil {
		panic(err) // it is a flag of the command
	}
	return cmd
}
