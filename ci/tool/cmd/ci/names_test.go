package main

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/ecrstate"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// named is a stand whose registries have AWS's own names, of the account and in the region.
// AWS_ENDPOINT_URL is not set: only the services of the stand-in have other addresses.
func named(t *testing.T, region string, hosts map[string]string) stand {
	t.Helper()
	s := newStand(t)
	for name, value := range s.environment {
		t.Setenv(name, value)
	}
	t.Setenv("AWS_ENDPOINT_URL", "")
	t.Setenv("AWS_REGION", region)
	for _, service := range []string{"ECR", "ECR_PUBLIC", "STS", "LAMBDA"} {
		t.Setenv("AWS_ENDPOINT_URL_"+service, s.aws.URL)
	}
	at := map[string]string{"private": s.private.Host, "public": s.public.Host}
	before := remote.DefaultTransport
	for host, registry := range hosts {
		hosts[host] = at[registry]
	}
	dialing(hosts)
	t.Cleanup(func() { remote.DefaultTransport = before })
	return s
}

func hostsOf(private, public string) reference.Hosts {
	return reference.Hosts{Private: private, Public: public}
}

// functions are alpha, which is private, and beta, which is public.
func functions(names ...string) (all []catalog.Function) {
	for _, name := range names {
		f := catalog.Function{Image: name, Variant: catalog.Light, Registry: catalog.Private}
		if name == "beta" {
			f.Registry = catalog.Public
		}
		all = append(all, f)
	}
	return all
}

func TestTheNamesOfECR(t *testing.T) {
	const private = "lambda-private-light"
	for title, test := range map[string]struct {
		region, host, path string
		name, account      string // what ECR is asked for
	}{
		"a namespace":          {"eu-central-1", "123456789012.dkr.ecr.eu-central-1.amazonaws.com", "/team-a", "team-a/" + private, "123456789012"},
		"FIPS":                 {"us-east-1", "123456789012.dkr.ecr-fips.us-east-1.amazonaws.com", "", private, "123456789012"},
		"dual-stack":           {"eu-central-1", "123456789012.dkr-ecr.eu-central-1.on.aws", "", private, "123456789012"},
		"China":                {"cn-north-1", "123456789012.dkr.ecr.cn-north-1.amazonaws.com.cn", "", private, "123456789012"},
		"China, dual-stack":    {"cn-north-1", "123456789012.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "", private, "123456789012"},
		"GovCloud":             {"us-gov-west-1", "123456789012.dkr.ecr.us-gov-west-1.amazonaws.com", "", private, "123456789012"},
		"iso":                  {"us-iso-east-1", "123456789012.dkr.ecr.us-iso-east-1.c2s.ic.gov", "", private, "123456789012"},
		"another account":      {"eu-central-1", "999999999999.dkr.ecr.eu-central-1.amazonaws.com", "/org/team-a", "org/team-a/" + private, "999999999999"},
		"the region of a name": {"", "123456789012.dkr.ecr.us-west-2.amazonaws.com", "", private, "123456789012"},
	} {
		t.Run(title, func(t *testing.T) {
			s := named(t, test.region, map[string]string{test.host: "private"})
			target, err := (&targetFlags{hosts: hostsOf(test.host+test.path, "127.0.0.1:1")}).open(t.Context(), &catalog.Catalog{Root: s.root}, functions("alpha"))
			require.NoError(t, err)

			created, err := target.prepare(t.Context(), functions("alpha"), true, false)
			require.NoError(t, err)
			assert.Equal(t, []ecrstate.Created{{Repository: test.name, Tier: catalog.Private}}, created)
			require.NotNil(t, s.aws.Repository(awsfake.Private, test.name))
			_, _, err = target.registry.Digest(t.Context(), test.host+test.path+"/"+private, "alpha-latest")
			require.NoError(t, err)
			assert.Contains(t, kinds(s.private.Requests()), "manifest", "the registry was asked, with the login")
			for _, call := range s.aws.Calls("") {
				assert.False(t, strings.HasPrefix(call.Operation, "ecrpublic."), call.Operation)
				assert.False(t, strings.HasPrefix(call.Operation, "sts."), call.Operation)
				if strings.HasSuffix(call.Operation, "Repository") || strings.HasSuffix(call.Operation, "Repositories") {
					assert.Equal(t, test.account, call.Account)
				}
			}
		})
	}
}

func kinds(requests []registrytest.Request) (all []string) {
	for _, r := range requests {
		all = append(all, r.Kind)
	}
	return all
}

// A private function needs nothing of ECR Public: the partition may have none, and the role no
// right to it.
func TestAPrivateFunctionNeedsNoECRPublic(t *testing.T) {
	for title, region := range map[string]string{"a role without rights": "eu-central-1", "GovCloud": "us-gov-west-1", "China": "cn-north-1", "iso": "us-isob-east-1"} {
		t.Run(title, func(t *testing.T) {
			s := named(t, region, nil)
			s.aws.Answer = func(c awsfake.Call) awsfake.Failure {
				if strings.HasPrefix(c.Operation, "ecrpublic.") {
					return awsfake.AccessDenied
				}
				return awsfake.Failure{}
			}
			target, err := (&targetFlags{}).open(t.Context(), &catalog.Catalog{Root: s.root}, functions("alpha"))
			require.NoError(t, err)
			created, err := target.prepare(t.Context(), functions("alpha"), false, true)
			require.NoError(t, err)
			assert.Len(t, created, 1)
			for _, call := range s.aws.Calls("") {
				assert.False(t, strings.HasPrefix(call.Operation, "ecrpublic."), call.Operation)
			}
			_, err = (&targetFlags{}).open(t.Context(), &catalog.Catalog{Root: s.root}, functions("alpha", "beta"))
			require.Error(t, err)
			if region != "eu-central-1" {
				require.EqualError(t, err, "use ECR Public from "+region+": its partition of AWS has none; pass --public-registry with another registry, or --only with private functions")
				_, err = (&targetFlags{hosts: hostsOf("", "127.0.0.1:1")}).open(t.Context(), &catalog.Catalog{Root: s.root}, functions("alpha", "beta"))
				require.NoError(t, err)
			}
		})
	}
}

// A repository where the tags cannot move is found out before anything is pushed.
func TestLongARepositoryWhoseTagsCannotMove(t *testing.T) {
	t.Parallel()
	filters := func(all ...string) (list []any) {
		for _, f := range all {
			list = append(list, map[string]any{"filter": f, "filterType": "WILDCARD"})
		}
		return list
	}
	const name = "lambda-private-light"
	const command = "aws ecr put-image-tag-mutability --region eu-central-1 --registry-id 123456789012 --repository-name " + name +
		" --image-tag-mutability IMMUTABLE_WITH_EXCLUSION --image-tag-mutability-exclusion-filters "
	const both = command + "'filterType=WILDCARD,filter=*-latest' 'filterType=WILDCARD,filter=*-live'"
	for title, test := range map[string]struct {
		mutability string
		filters    []any
		stuck, run string
	}{
		"mutable":                             {"MUTABLE", nil, "", ""},
		"as publish makes it":                 {"IMMUTABLE_WITH_EXCLUSION", filters("*-latest", "*-live"), "", ""},
		"wider filters":                       {"IMMUTABLE_WITH_EXCLUSION", filters("*-l*"), "", ""},
		"each by its name":                    {"IMMUTABLE_WITH_EXCLUSION", filters("alpha-l*", "beta-latest", "beta-live"), "", ""},
		"other tags are immutable":            {"MUTABLE_WITH_EXCLUSION", filters("release-*"), "", ""},
		"immutable":                           {"IMMUTABLE", nil, "alpha-latest", both},
		"live is left":                        {"IMMUTABLE_WITH_EXCLUSION", filters("*-latest"), "alpha-live", both},
		"another's filters stay":              {"IMMUTABLE_WITH_EXCLUSION", filters("dev*"), "alpha-latest", command + "'filterType=WILDCARD,filter=dev*' 'filterType=WILDCARD,filter=*-latest' 'filterType=WILDCARD,filter=*-live'"},
		"of one image only":                   {"IMMUTABLE_WITH_EXCLUSION", filters("alpha-l*"), "beta-latest", ""},
		"a filter that is the name":           {"IMMUTABLE_WITH_EXCLUSION", filters("latest", "live"), "alpha-latest", ""},
		"mutable, but for those that move":    {"MUTABLE_WITH_EXCLUSION", filters("*latest"), "alpha-latest", both},
		"a kind of mutability of another day": {"SOMETHING_NEW", nil, "", ""},
	} {
		t.Run(title, func(t *testing.T) {
			s := newStand(t)
			s.aws.Add(awsfake.Private, name)
			s.aws.Add(awsfake.Public, "lambda-light")
			s.aws.Repository(awsfake.Private, name).Input = map[string]any{"imageTagMutability": test.mutability, "imageTagMutabilityExclusionFilters": test.filters}
			for _, args := range [][]string{{"--dry-run"}, {"--create-repositories"}} {
				got := s.publish(t, append(args, "--commit", "aaaaaaa")...)
				if test.stuck == "" {
					assert.Equal(t, exitDone, got.code, got.stderr)
					continue
				}
				assert.Equal(t, exitFailed, got.code)
				assert.Contains(t, got.stderr, "ci: publish to the private repository "+name+": its tags are "+test.mutability+", so "+test.stuck+" could not move; let it move: aws ecr put-image-tag-mutability ")
				assert.Contains(t, got.stderr, test.run)
				pushed := slices.DeleteFunc(s.private.Requests(), func(r registrytest.Request) bool { return r.Method == http.MethodGet || r.Method == http.MethodHead })
				assert.Empty(t, pushed, "nothing was pushed")
			}
		})
	}
}

func TestPublishBelowANamespace(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	got := s.environment.in(t, s.root, "publish", "--offline", "--allow-dirty", "--commit", "aaaaaaa", "--create-repositories", "--json",
		"--private-registry", s.private.Host+"/team-a", "--public-registry", s.public.Host+"/alias/team-a")
	p := decode(t, got)
	assert.Equal(t, []ecrstate.Created{{Repository: "team-a/lambda-private-light", Tier: catalog.Private}, {Repository: "team-a/lambda-light", Tier: catalog.Public}}, p.Created)
	assert.Len(t, p.Outcome.Moved, 3)
	require.NotNil(t, s.aws.Repository(awsfake.Private, "team-a/lambda-private-light"))
	require.NotNil(t, s.aws.Repository(awsfake.Public, "team-a/lambda-light"))
	got = s.environment.in(t, s.root, "retention", "--dry-run", "--private-registry", s.private.Host+"/team-a", "--public-registry", s.public.Host+"/alias/team-a")
	assert.Equal(t, exitFailed, got.code, "no function exists")
	assert.NotEmpty(t, s.aws.Calls("ecr.DescribeImages"), "it found the repositories")
}
