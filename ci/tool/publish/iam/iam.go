// Package iam writes the policies of the roles that run the commands at AWS, for the
// repositories and functions of a workspace.
package iam

import (
	"embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/report"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// policies have words in <> for what is of a workspace or an account.
//
//go:embed policies
var policies embed.FS

// Roles are the roles that have a policy, and a document that says who may assume them.
var Roles = []string{"plan", "publish", "deploy", "retention", "codebuild"}

// Repository is no role: its policy is that of a repository that another account uses.
const Repository = "repository"

// Blanks are the words that a person fills in, if the command line does not. The word region may
// have several values with commas between.
type Blanks map[string]string

// document is a policy, with its fields in the order in which AWS writes them.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string                       `json:",omitempty"`
	Effect    string                       `json:",omitempty"`
	Principal map[string]string            `json:",omitempty"`
	Action    []string                     `json:",omitempty"`
	Resource  any                          `json:",omitempty"`
	Condition map[string]map[string]string `json:",omitempty"`
}

// Policy returns what the role may do; for [Repository], what others may do with it.
func Policy(c *catalog.Catalog, role string, fill Blanks) ([]byte, error) {
	name := "policy-" + role
	if role == Repository {
		name = "repository-policy"
	}
	return render(c, name, fill)
}

// Trust returns who may assume the role.
func Trust(c *catalog.Catalog, role string, fill Blanks) ([]byte, error) {
	return render(c, "trust-"+role, fill)
}

func render(c *catalog.Catalog, name string, fill Blanks) ([]byte, error) {
	data, err := policies.ReadFile("policies/" + name + ".json")
	if err != nil {
		return nil, fmt.Errorf("write the policy: %w", err)
	}
	var d document
	if err := json.Unmarshal(data, &d); err != nil {
		return nil, fmt.Errorf("write the policy %s: %w", name, err)
	}
	own := resources(c)
	var kept []statement
	for _, s := range d.Statement {
		if list, ok := s.Resource.([]any); ok && len(list) == 1 {
			if all, ok := own[fmt.Sprint(list[0])]; ok {
				if len(all) == 0 {
					continue // the workspace has nothing of the kind
				}
				s.Resource = all
			}
		}
		s.Resource = inRegions(s.Resource, strings.Split(fill["region"], ","))
		if len(own[publicRepositories]) == 0 {
			s.Action = slices.DeleteFunc(s.Action, ofPublic)
		}
		for _, values := range s.Condition {
			for key, value := range values {
				if all, ok := own[value]; ok {
					values[key] = all[0]
				}
			}
		}
		kept = append(kept, s)
	}
	d.Statement = kept
	var b strings.Builder
	if err := report.JSON(&b, d); err != nil {
		return nil, fmt.Errorf("write the policy %s: %w", name, err)
	}
	text := b.String()
	for word, value := range fill {
		if value != "" {
			text = strings.ReplaceAll(text, "<"+word+">", value)
		}
	}
	return []byte(text), nil
}

// inRegions repeats resources that have the word region for each of several regions.
func inRegions(resource any, regions []string) any {
	var all []string
	switch list := resource.(type) {
	case []string:
		all = list
	case []any:
		for _, one := range list {
			all = append(all, fmt.Sprint(one))
		}
	}
	if len(regions) < 2 || len(all) == 0 {
		return resource
	}
	var repeated []string
	for _, one := range all {
		for _, region := range regions {
			in := strings.ReplaceAll(one, "<region>", region)
			if repeated = append(repeated, in); in == one {
				break
			}
		}
	}
	return repeated
}

// ofPublic tells whether only a registry at ECR Public needs the action.
func ofPublic(action string) bool {
	return strings.HasPrefix(action, "ecr-public:") || action == "sts:GetServiceBearerToken"
}

// The words that stand for several resources.
const (
	privateRepositories = "<private-repositories>"
	publicRepositories  = "<public-repositories>"
	functions           = "<functions>"
	functionsElsewhere  = "<functions-elsewhere>"
)

// resources are what the words stand for in the workspace.
func resources(c *catalog.Catalog) map[string][]string {
	all := map[string][]string{privateRepositories: nil, publicRepositories: nil}
	for _, r := range ecrapi.Want(c.Functions, reference.Hosts{}.Of(c.Pipeline)) {
		if r.Tier == catalog.Private {
			all[privateRepositories] = append(all[privateRepositories], "arn:aws:ecr:<region>:<account>:repository/"+r.Name)
		} else {
			all[publicRepositories] = append(all[publicRepositories], "arn:aws:ecr-public::<account>:repository/"+r.Name)
		}
	}
	const prefix, elsewhere = "arn:aws:lambda:<region>:<account>:function:", "arn:aws:lambda:<region>:<functions-account>:function:"
	if c.Pipeline.LambdaPrefix != "" {
		all[functions] = []string{prefix + c.Pipeline.LambdaPrefix + "*"}
		all[functionsElsewhere] = []string{elsewhere + c.Pipeline.LambdaPrefix + "*"}
		return all
	}
	for _, f := range catalog.Running(c.Functions) {
		all[functions] = append(all[functions], prefix+f.Lambda, prefix+f.Lambda+":*") // and its versions and aliases
	}
	// A condition has one value here; without a prefix, it is any function of that account.
	all[functionsElsewhere] = []string{elsewhere + "*"}
	return all
}
