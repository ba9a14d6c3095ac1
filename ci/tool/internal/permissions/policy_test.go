package permissions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/publish/ecrapi"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const (
	root = "../../../.."
	dir  = "docs/aws"
)

// document is an IAM policy.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type document struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal map[string]string
	Action    []string
	Resource  json.RawMessage
	Condition map[string]map[string]string
}

// resources are the resources of the statement; nil stands for "*".
func (s statement) resources() ([]string, error) {
	if string(s.Resource) == `"*"` {
		return nil, nil
	}
	var all []string
	if err := json.Unmarshal(s.Resource, &all); err != nil || len(all) == 0 {
		return nil, fmt.Errorf("%s: Resource must be \"*\" or a list", s.Sid)
	}
	return all, nil
}

func parse(data []byte) (document, error) {
	var d document
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return d, err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return d, errors.New("there is more after the document")
	}
	if d.Version != "2012-10-17" || len(d.Statement) == 0 {
		return d, errors.New("Version must be 2012-10-17, and there must be a statement")
	}
	return d, nil
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	return testkit.Source(t, root, dir+"/"+name+".json")
}

// everywhere are the actions that cannot be limited to resources.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_ecr.html
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_ecr-public.html
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_sts.html
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_cloudwatch.html
// DescribeAlarms can be limited to alarms, but then it finds none that is composed of others.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
var everywhere = []string{
	"cloudwatch:DescribeAlarms", "cloudwatch:GetMetricData",
	"ecr-public:DescribeRegistries", "ecr-public:GetAuthorizationToken", "ecr:DescribeRegistry", "ecr:DescribeRepositoryCreationTemplates", "ecr:GetAuthorizationToken", "sts:GetServiceBearerToken",
}

// placeholders are the parts that a person fills in, each with an example value.
var placeholders = map[string]string{
	"<account>": "123456789012", "<region>": "eu-central-1", "<owner>": "example", "<repository>": "lambdas",
	"<functions-account>": "222222222222",
	"<project>":           "lambdas", "<cache-bucket>": "cache", "<connection>": "11111111-2222-3333-4444-555555555555",
}

var (
	filled = regexp.MustCompile(`<[^<>"]*>`)
	number = regexp.MustCompile(`[0-9]{12}`)
	action = regexp.MustCompile(`^[a-z0-9-]+:[A-Z][A-Za-z]+$`)
	arn    = regexp.MustCompile(`^arn:aws:([a-z0-9-]+):(?:<region>)?:(?:<account>)?:[^ ]+$`)
)

// check returns the problems that no policy may have.
func check(data []byte, c *catalog.Catalog) (allowed []string, problems []string) {
	bad := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, p := range filled.FindAllString(string(data), -1) {
		if placeholders[p] == "" {
			bad("%s is no placeholder that the README explains", p)
		}
	}
	if n := number.FindString(string(data)); n != "" {
		bad("%s looks like an account; write <account>", n)
	}
	d, err := parse(data)
	if err != nil {
		return nil, append(problems, err.Error())
	}
	for _, s := range d.Statement {
		if s.Effect != "Allow" || s.Sid == "" || s.Principal != nil || len(s.Action) == 0 {
			bad("%s: a statement has a Sid, allows actions and has no Principal", s.Sid)
		}
		if !slices.IsSorted(s.Action) {
			bad("%s: the actions are not in order", s.Sid)
		}
		resources, err := s.resources()
		if err != nil {
			bad("%v", err)
		}
		for _, a := range s.Action {
			if !action.MatchString(a) {
				bad("%s: %s is not one action", s.Sid, a)
			}
			if slices.Contains(allowed, a) {
				bad("%s: %s is allowed twice", s.Sid, a)
			}
			allowed = append(allowed, a)
			if wide := slices.Contains(everywhere, a); wide != (resources == nil) && err == nil {
				bad("%s: %s: resources are named for all actions that can have them, and for no other", s.Sid, a)
			}
			if service, _, _ := strings.Cut(a, ":"); resources != nil {
				problems = append(problems, checkResources(service, resources, c)...)
			}
		}
	}
	slices.Sort(allowed)
	return allowed, problems
}

// checkResources returns the resources that the functions do not need.
func checkResources(service string, resources []string, c *catalog.Catalog) (problems []string) {
	var want []string
	for _, r := range ecrapi.Want(c.Functions, reference.Hosts{Names: c.Pipeline.Repositories}) {
		switch {
		case service == "ecr" && r.Tier == catalog.Private:
			want = append(want, "arn:aws:ecr:<region>:<account>:repository/"+r.Name)
		case service == "ecr-public" && r.Tier == catalog.Public:
			want = append(want, "arn:aws:ecr-public::<account>:repository/"+r.Name)
		}
	}
	if service == "lambda" {
		const any = "arn:aws:lambda:<region>:<account>:function:"
		prefix, ok := strings.CutSuffix(strings.TrimPrefix(resources[0], any), "*")
		for _, f := range c.Functions {
			if !ok || len(resources) != 1 || len(prefix) < 4 || !strings.HasPrefix(f.Lambda, prefix) {
				problems = append(problems, fmt.Sprintf("%v is not one beginning of the functions' names, of which %s is one", resources, f.Lambda))
			}
		}
		return problems
	}
	if want != nil && !slices.Equal(want, resources) {
		problems = append(problems, fmt.Sprintf("%s: the resources are %v and must be %v", service, resources, want))
	}
	for _, r := range resources {
		if m := arn.FindStringSubmatch(r); m == nil || m[1] != service {
			problems = append(problems, fmt.Sprintf("%s is not the name of a resource of %s", r, service))
		}
	}
	return problems
}

// policies has the commands that each role runs.
var policies = map[string]struct {
	verbs []string
	// public is true if a command uses the registry of ECR Public.
	public bool
	// besides are other actions that AWS requires of the caller, with the reason.
	besides map[string]string
	// never are actions in the code of a command that it never calls, with the reason.
	never map[string]string
}{
	"plan": {verbs: []string{"newCost", "newColdStart", "newDiff", "newImages", "newPlan", "newProvenance", "newReport", "newSBOM", "newVerify", "newVulncheck"}, public: true},
	"publish": {verbs: []string{"newPublish"}, public: true,
		besides: map[string]string{"signer:SignPayload": "where the registry has a signing configuration, ECR signs in the name of who pushes"}},
	"deploy": {verbs: []string{"newDeploy", "newInvoke", "newRollback", "newStatus"},
		besides: map[string]string{
			"ecr:GetRepositoryPolicy": "Lambda uses the rights of the caller to allow itself to pull from a repository",
			"ecr:SetRepositoryPolicy": "the same",
		},
		never: map[string]string{
			"ecr-public:GetAuthorizationToken": "the keychain of a fleet names no public registry",
			"sts:GetServiceBearerToken":        "the same",
			"lambda:CreateFunction":            "only deploy --create calls it, which a person runs with the rights of the infrastructure code",
		}},
	"retention": {verbs: []string{"newCost", "newReport", "newRetention"}, public: true},
}

// local are the commands that call only stand-ins for AWS.
var local = []string{"newUp"}

// actionsOf returns the actions that operations and registry methods need.
func actionsOf(operations, methods []string, public bool) []string {
	needed := map[string]bool{}
	for _, o := range operations {
		service, name, _ := strings.Cut(o, ".")
		switch {
		case o == "sts.GetCallerIdentity":
			// This needs no permission, and no policy can forbid it.
			// https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
		case o == "lambda.Invoke":
			needed["lambda:InvokeFunction"] = true
		case service == "ecrpublic":
			needed["ecr-public:"+name] = true
			if name == "GetAuthorizationToken" {
				needed["sts:GetServiceBearerToken"] = true
			}
		default:
			needed[service+":"+name] = true
		}
	}
	for _, m := range methods {
		for _, a := range ofMethod[m] {
			needed["ecr:"+a] = true
			if public && !slices.Contains(anyoneMay, a) {
				needed["ecr-public:"+a] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(needed))
}

func TestPoliciesAreWhatTheCommandsNeed(t *testing.T) {
	p, err := load()
	require.NoError(t, err)
	c, err := catalog.Load(root)
	require.NoError(t, err)
	covered := slices.Concat(local, people)
	for name, policy := range policies {
		t.Run(name, func(t *testing.T) {
			allowed, problems := check(read(t, "policy-"+name), c)
			assert.Empty(t, problems)
			var needed []string
			for _, verb := range policy.verbs {
				covered = append(covered, verb)
				operations, methods := p.calls(t, verb)
				assert.NotEmpty(t, operations, verb)
				needed = append(needed, actionsOf(operations, methods, policy.public)...)
			}
			for a := range policy.never {
				assert.Contains(t, needed, a, "no command calls it: remove it from the table")
				needed = slices.DeleteFunc(needed, func(n string) bool { return n == a })
			}
			for a := range policy.besides {
				assert.NotContains(t, needed, a, "a command calls it: remove it from the table")
				needed = append(needed, a)
			}
			slices.Sort(needed)
			assert.Equal(t, slices.Compact(needed), allowed)
		})
	}
	for _, verb := range p.verbs {
		if !slices.Contains(covered, verb) {
			operations, methods := p.calls(t, verb)
			assert.Empty(t, operations, "%s calls AWS, but is in no role: add it to policies", verb)
			assert.Empty(t, methods, "%s uses a registry, but is in no role: add it to policies", verb)
		}
	}
}

// codebuild are the actions that CodeBuild itself needs of its role.
// https://docs.aws.amazon.com/codebuild/latest/userguide/setting-up-service-role.html
// https://docs.aws.amazon.com/codebuild/latest/userguide/batch-build.html
var codebuild = []string{
	"codebuild:RetryBuild", "codebuild:StartBuild", "codebuild:StopBuild",
	"codeconnections:GetConnection", "codeconnections:GetConnectionToken", "codeconnections:UseConnection",
	"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "s3:GetObject", "s3:PutObject",
}

func TestThePolicyOfCodeBuild(t *testing.T) {
	allowed, problems := check(read(t, "policy-codebuild"), &catalog.Catalog{})
	assert.Empty(t, problems)
	assert.Equal(t, codebuild, allowed)
}

func TestPoliciesThatAreWrong(t *testing.T) {
	c, err := catalog.Load(root)
	require.NoError(t, err)
	good := string(read(t, "policy-publish"))
	plan := string(read(t, "policy-plan"))
	for name, data := range map[string]string{
		"every action of a service": strings.Replace(good, "ecr:BatchGetImage", "ecr:*", 1),
		"every repository":          strings.Replace(good, "repository/lambda-light", "repository/*", 1),
		"a repository too few":      regexp.MustCompile(`,\s+"arn:aws:ecr-public::<account>:repository/lambda-light"`).ReplaceAllString(good, ""),
		"another's function":        strings.Replace(plan, "AiSocialMedia*", "Other*", 1),
		"every function":            strings.Replace(plan, "AiSocialMedia*", "*", 1),
		"one function":              strings.Replace(plan, "AiSocialMedia*", "AiSocialMediaApiHandler", 1),
		"every resource":            regexp.MustCompile(`"Resource": \[\s+"arn:aws:lambda[^]]*\]`).ReplaceAllString(plan, `"Resource": "*"`),
		"a resource for a login":    strings.Replace(good, `"Resource": "*"`, `"Resource": ["arn:aws:ecr:<region>:<account>:repository/a"]`, 1),
		"an account":                strings.ReplaceAll(good, "<account>", "123456789012"),
		"another placeholder":       strings.ReplaceAll(good, "<account>", "<acount>"),
		"a key that is none":        strings.Replace(good, `"Action"`, `"Actions"`, 1),
		"a denial":                  strings.Replace(good, `"Allow"`, `"Deny"`, 1),
		"another version":           strings.Replace(good, "2012-10-17", "2008-10-17", 1),
		"an action twice":           strings.Replace(good, `"ecr:BatchGetImage"`, `"ecr:BatchGetImage", "ecr:BatchGetImage"`, 1),
		"no JSON":                   good + "}",
	} {
		t.Run(name, func(t *testing.T) {
			require.NotEqual(t, good, data)
			require.NotEqual(t, plan, data)
			_, problems := check([]byte(data), c)
			assert.NotEmpty(t, problems)
		})
	}
}
