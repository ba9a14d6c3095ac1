package permissions

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"lambdas.internal/ci/tool/internal/testkit"
)

const issuer = "token.actions.githubusercontent.com"

// roleVariable matches how a workflow names a role.
var roleVariable = regexp.MustCompile(`^\$\{\{ vars\.AWS_([A-Z]+)_ROLE \}\}$`)

// subjects returns, for each role that a workflow assumes, the subject in the tokens that
// GitHub gives to these jobs.
// https://docs.github.com/en/actions/reference/security/oidc
func subjects(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, file := range testkit.Sources(t, root, ".yml") {
		if path.Dir(file) != ".github/workflows" {
			continue
		}
		var w struct {
			On   map[string]any
			Jobs map[string]struct {
				Environment string
				Steps       []struct{ With map[string]any }
			}
		}
		require.NoError(t, yaml.Unmarshal(testkit.Source(t, root, file), &w))
		for name, job := range w.Jobs {
			for _, step := range job.Steps {
				role, ok := step.With["role-to-assume"].(string)
				if !ok {
					continue
				}
				m := roleVariable.FindStringSubmatch(role)
				require.NotNil(t, m, "%s: %s: %s is not a variable AWS_NAME_ROLE", file, name, role)
				subject := "ref:refs/heads/main"
				if _, request := w.On["pull_request"]; request {
					subject = "pull_request"
				}
				if job.Environment != "" {
					subject = "environment:" + job.Environment
				}
				role = strings.ToLower(m[1])
				if !slices.Contains(found[role], subject) {
					found[role] = append(found[role], subject)
				}
			}
		}
	}
	return found
}

// checkTrust returns an error unless the trust policy lets exactly GitHub's jobs with the
// subject assume the role.
func checkTrust(data []byte, subject string) error {
	d, err := parse(data)
	if err != nil {
		return err
	}
	if len(d.Statement) != 1 {
		return fmt.Errorf("it must have exactly one statement")
	}
	s := d.Statement[0]
	switch {
	case s.Effect != "Allow" || s.Resource != nil || !slices.Equal(s.Action, []string{"sts:AssumeRoleWithWebIdentity"}):
		return fmt.Errorf("it must allow sts:AssumeRoleWithWebIdentity")
	case !maps.Equal(s.Principal, map[string]string{"Federated": "arn:aws:iam::<account>:oidc-provider/" + issuer}):
		return fmt.Errorf("the principal must be GitHub")
	case len(s.Condition) != 1:
		return fmt.Errorf("the condition must be only StringEquals: a pattern also lets other jobs in")
	case !maps.Equal(s.Condition["StringEquals"], map[string]string{
		issuer + ":aud": "sts.amazonaws.com", issuer + ":sub": "repo:<owner>/<repository>:" + subject,
	}):
		return fmt.Errorf("the condition must have the audience sts.amazonaws.com and the subject %s, but is %v", subject, s.Condition)
	}
	return nil
}

func TestTrust(t *testing.T) {
	taken := subjects(t)
	for role, of := range taken {
		require.Len(t, of, 1, "jobs with different subjects assume %s", role)
		require.NoError(t, checkTrust(read(t, "trust-"+role), of[0]), role)
		assert.Contains(t, policies, role)
	}
	assert.Len(t, policies, len(taken), "a role that no workflow assumes")

	good := string(read(t, "trust-publish"))
	for name, data := range map[string]string{
		"every branch":        strings.Replace(good, "refs/heads/main", "*", 1),
		"every repository":    strings.Replace(good, "<owner>/<repository>", "<owner>/*", 1),
		"a pattern":           strings.Replace(good, "StringEquals", "StringLike", 1),
		"another audience":    strings.Replace(good, "sts.amazonaws.com", "example.org", 1),
		"no audience":         regexp.MustCompile(`"[^"]*:aud": "[^"]*",`).ReplaceAllString(good, ""),
		"no condition":        regexp.MustCompile(`(?s),\s+"Condition".*\}\s+\}\n`).ReplaceAllString(good, "}\n"),
		"another principal":   strings.Replace(good, issuer+`"`, `example.org"`, 1),
		"everybody":           strings.Replace(good, `"Federated"`, `"AWS"`, 1),
		"without an identity": strings.Replace(good, "WithWebIdentity", "", 1),
	} {
		require.NotEqual(t, good, data, name)
		assert.Error(t, checkTrust([]byte(data), "ref:refs/heads/main"), name)
	}
}

func TestTheTrustInCodeBuild(t *testing.T) {
	d, err := parse(read(t, "trust-codebuild"))
	require.NoError(t, err)
	assert.Equal(t, []statement{{
		Effect: "Allow", Principal: map[string]string{"Service": "codebuild.amazonaws.com"}, Action: []string{"sts:AssumeRole"},
		Condition: map[string]map[string]string{"StringEquals": {
			"aws:SourceAccount": "<account>", "aws:SourceArn": "arn:aws:codebuild:<region>:<account>:project/<project>",
		}},
	}}, d.Statement)
}

// The README explains every placeholder.
func TestEveryFileIsChecked(t *testing.T) {
	var names []string
	for _, file := range testkit.Sources(t, root, ".json") {
		if path.Dir(file) != dir {
			continue
		}
		names = append(names, strings.TrimSuffix(path.Base(file), ".json"))
		data := testkit.Source(t, root, file)
		for _, p := range filled.FindAllString(string(data), -1) {
			assert.Contains(t, placeholders, p, file)
		}
		for p, value := range placeholders {
			data = []byte(strings.ReplaceAll(string(data), p, value))
		}
		assert.NotContains(t, string(data), "<", file)
	}
	want := []string{"policy-codebuild", "repository-policy", "trust-codebuild"}
	for role := range policies {
		want = append(want, "policy-"+role, "trust-"+role)
	}
	assert.ElementsMatch(t, want, names)
}
