package main

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// asks starts a registry that asks for a password, and counts those that arrive.
func asks(t *testing.T) (host string, got *atomic.Int32) {
	t.Helper()
	got = &atomic.Int32{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			got.Add(1)
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), got
}

// Each command that names a registry asks AWS for a token only if AWS runs the registry.
func TestARegistryOnThisMachineGetsNoTokenOfAWSElsewhere(t *testing.T) {
	t.Setenv("DOCKER_CONFIG", t.TempDir())
	opens := map[string]func(hosts reference.Hosts) (*registry.Client, error){
		"publish": func(hosts reference.Hosts) (*registry.Client, error) {
			opened, err := (&targetFlags{hosts: hosts}).open(t.Context(), &catalog.Catalog{}, nil)
			return opened.client, err
		},
		"deploy": func(hosts reference.Hosts) (*registry.Client, error) {
			opened, err := (&fleetFlags{targetFlags: targetFlags{hosts: hosts}}).open(t.Context(), &catalog.Catalog{})
			return opened.registry, err
		},
	}
	for title, test := range map[string]struct {
		command, ecr string
		want         bool
	}{
		"publish, ECR is a stand-in": {"publish", "", true},
		"publish, ECR is elsewhere":  {"publish", "http://ecr.example", false},
		"deploy, ECR is a stand-in":  {"deploy", "", true},
		"deploy, ECR is elsewhere":   {"deploy", "http://ecr.example", false},
	} {
		t.Run(title, func(t *testing.T) {
			aws := awsfake.New(t)
			if test.ecr != "" {
				t.Setenv("AWS_ENDPOINT_URL_ECR", test.ecr)
			}
			host, got := asks(t)
			client, err := opens[test.command](reference.Hosts{Private: host + "/x"})
			require.NoError(t, err)

			_, _, err = client.Digest(t.Context(), host+"/x/y", "z")

			message := "there is no login for " + host + ": log in with docker login " + host
			if test.want {
				message = "the registry does not accept the login"
			}
			require.ErrorContains(t, err, message)
			assert.Equal(t, test.want, got.Load() > 0)
			assert.Equal(t, test.want, len(aws.Passwords()) > 0)
		})
	}
}

func TestARegistryOfAWSIsNamedForWhatItIs(t *testing.T) {
	t.Parallel()
	aws := awsfake.Start(t)
	for line, message := range map[string]string{
		"publish --private-registry public.ecr.aws/alias":                                      `--private-registry: "public.ecr.aws/alias" is ECR Public`,
		"plan --private-registry public.ecr.aws/alias --public-registry public.ecr.aws/alias":  `--private-registry: "public.ecr.aws/alias" is ECR Public`,
		"deploy --commit aaaaaaa --private-registry PUBLIC.ecr.aws/alias":                      `is a name of AWS in another spelling; write public.ecr.aws`,
		"status --private-registry public.ecr.aws":                                             `--private-registry: "public.ecr.aws" is ECR Public`,
		"publish --public-registry 123456789012.dkr.ecr.eu-central-1.amazonaws.com":            `is a private registry of ECR`,
		"retention --public-registry 123456789012.dkr.ecr.eu-central-1.amazonaws.com":          `is a private registry of ECR`,
		"publish --private-registry me:secret@127.0.0.1:1":                                     `is not the name of a registry`,
		"publish --private-registry me@123456789012.dkr.ecr.eu-central-1.amazonaws.com --json": `is not the name of a registry`,
	} {
		t.Run(line, func(t *testing.T) {
			got := with(aws).in(t, plain(t), strings.Fields(line)...)
			assert.Equal(t, exitUsage, got.code, got.stderr)
			assert.Contains(t, got.stderr, message)
			assert.Empty(t, aws.Calls(""))
		})
	}
}

// The account's repositories are not those of a registry that AWS does not run: none is
// looked for, made or changed in it.
func TestPublishToAnotherRegistryChangesNothingInTheAccount(t *testing.T) {
	t.Parallel()
	s := stand{aws: awsfake.Start(t), private: registrytest.New(t), public: registrytest.New(t), root: plain(t)}
	s.environment = with(s.aws).and(environment{"AWS_ENDPOINT_URL_ECR": "http://ecr.example", "DOCKER_CONFIG": t.TempDir()})
	s.aws.Add(awsfake.Public, "lambda-light")
	s.public.RequirePassword(func(password string) bool { return slices.Contains(s.aws.Passwords(), password) })

	p := decode(t, s.publish(t, "--commit", "aaaaaaa", "--create-repositories", "--json"))

	assert.Empty(t, p.Created)
	assert.Len(t, p.Outcome.Moved, 3)
	stored := s.environment.measured(t, s.root, "--published", "--private-registry", s.private.Host, "--public-registry", s.public.Host+"/alias")
	assert.Positive(t, stored.Private.Bytes, "read from the registry, not from the account")
	for _, call := range s.aws.Calls("") {
		assert.True(t, strings.HasPrefix(call.Operation, "ecrpublic."), call.Operation)
	}
}

// A list of regions is one that a release can go through; what acts in one region says which to pass.
func TestRegions(t *testing.T) {
	t.Parallel()
	aws := awsfake.Start(t)
	const two = " --region eu-central-1,us-east-1"
	for line, message := range map[string]string{
		"publish --region eu-central-1,eu-central-1":                                                "ci: --region: eu-central-1 is there twice; name each region once\n",
		"publish --region eu-central-1,":                                                            `ci: --region: "" is not an AWS region; write names such as eu-central-1`,
		"publish --region us-east-1,us-gov-west-1":                                                  "ci: --region: us-gov-west-1 is in another partition of AWS than us-east-1, with other credentials; release it on its own\n",
		"publish --private-registry 123456789012.dkr.ecr.eu-central-1.amazonaws.com/team" + two:     `is the registry of eu-central-1 alone; write {region} in place of that, or leave it out for your account's`,
		"publish --private-registry registry.example/{region}" + two:                                `ci: --private-registry: "registry.example/{region}" is not a registry of ECR, which alone has {region} in its name; leave that out`,
		"publish --local" + two:                                                                     "ci: --local cannot be combined with --private-registry, --public-registry, --region, ",
		"invoke --name alpha --remote" + two:                                                        "ci: --region: --remote acts in one region; pass --region with one of eu-central-1, us-east-1\n",
		"dev --remote alpha --suffix x" + two:                                                       "ci: --region: --remote acts in one region; pass --region with one of eu-central-1, us-east-1\n",
		"images --published --commit aaaaaaa" + two:                                                 "ci: --region: --published acts in one region; pass --region with one of eu-central-1, us-east-1\n",
		"iam --role repository" + two:                                                               "ci: --region: what this policy is for acts in one region; pass --region with one of eu-central-1, us-east-1\n",
		"sbom --name alpha --commit aaaaaaa --private-registry 127.0.0.1:1 --region eu-central-1,x": `ci: --region: "x" is not an AWS region; write names such as eu-central-1`,
	} {
		t.Run(line, func(t *testing.T) {
			got := with(aws).in(t, plain(t), strings.Fields(line)...)
			assert.Equal(t, exitUsage, got.code, got.stderr)
			assert.Contains(t, got.stderr, message)
			assert.Empty(t, aws.Calls(""))
		})
	}
}

// Each region has its own registry and login, and nothing logs in to AWS twice.
func TestTheRegistriesOfRegions(t *testing.T) {
	const home, second = "123456789012.dkr.ecr.eu-central-1.amazonaws.com", "123456789012.dkr.ecr.us-east-1.amazonaws.com"
	both := []string{"eu-central-1", "us-east-1"}
	for title, test := range map[string]struct {
		flags targetFlags
		want  []string // private registries
	}{
		"none":                 {targetFlags{}, []string{home}},
		"one":                  {targetFlags{region: both[1:]}, []string{second}},
		"two":                  {targetFlags{region: both}, []string{home, second}},
		"of another account":   {targetFlags{region: both, account: "999999999999"}, []string{"999999999999.dkr.ecr.eu-central-1.amazonaws.com", "999999999999.dkr.ecr.us-east-1.amazonaws.com"}},
		"below a namespace":    {targetFlags{region: both, hosts: hostsOf("123456789012.dkr.ecr.{region}.amazonaws.com/team", "")}, []string{home + "/team", second + "/team"}},
		"a blank for one":      {targetFlags{hosts: hostsOf("123456789012.dkr.ecr-fips.{region}.amazonaws.com", "")}, []string{"123456789012.dkr.ecr-fips.eu-central-1.amazonaws.com"}},
		"one registry for all": {targetFlags{region: both, hosts: hostsOf("127.0.0.1:1", "")}, []string{"127.0.0.1:1"}},
	} {
		t.Run(title, func(t *testing.T) {
			awsfake.New(t)
			require.NoError(t, test.flags.check())
			opened, err := test.flags.openAll(t.Context(), &catalog.Catalog{}, functions("alpha"))
			require.NoError(t, err)
			assert.Equal(t, test.want, opened.hosts.Privates())
			for _, region := range test.flags.region {
				one, err := test.flags.in(t.Context(), region)
				require.NoError(t, err)
				fl, err := (&fleetFlags{targetFlags: one}).open(t.Context(), &catalog.Catalog{})
				require.NoError(t, err)
				assert.Equal(t, region, fl.side.Region)
				assert.Contains(t, test.want, fl.hosts.Private)
			}
			first, err := test.flags.open(t.Context(), &catalog.Catalog{}, functions("alpha"))
			require.NoError(t, err)
			assert.Equal(t, test.want[:1], first.hosts.Privates())
		})
	}
}
