package ecrapi

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/awsauth"
	"lambdas.internal/ci/tool/publish/ecrstate"
	"lambdas.internal/ci/tool/publish/reference"
	"lambdas.internal/ci/tool/registry"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestARepositoryThatAPushCreates(t *testing.T) {
	template := func(prefix, mutability string, applied ...string) map[string]any {
		return map[string]any{"prefix": prefix, "imageTagMutability": mutability, "appliedFor": applied}
	}
	const (
		name    = "team/lambda-private-light"
		onPush  = "CREATE_ON_PUSH"
		fix     = "; or create it with --create-repositories"
		missing = "publish to the private repository " + name + ": it does not exist; create it with --create-repositories"
		absent  = "publish to the private repository " + name + ": it does not exist, and "
	)
	for title, test := range map[string]struct {
		templates []map[string]any
		denied    bool // the templates cannot be read
		host      string
		refused   bool // the registry refuses the push
		create    bool
		dryRun    bool
		by, err   string
	}{
		"no template":            {err: missing},
		"no template, a dry run": {dryRun: true},
		"one for all":            {templates: []map[string]any{template("ROOT", "MUTABLE", "REPLICATION", onPush)}, by: "the creation template ROOT, when it is pushed to"},
		"one for replication":    {templates: []map[string]any{template("ROOT", "MUTABLE", "REPLICATION")}, err: missing},
		"one for others":         {templates: []map[string]any{template("tea", "MUTABLE", onPush)}, err: missing},
		"the longest counts": {templates: []map[string]any{template("team", "MUTABLE", onPush), template("ROOT", "IMMUTABLE", onPush)},
			by: "the creation template team, when it is pushed to"},
		"its tags cannot move": {templates: []map[string]any{template("ROOT", "IMMUTABLE", onPush)},
			err: absent + "the creation template ROOT makes its tags IMMUTABLE, so api-latest could not move; add the filters *-latest and *-live to the template" + fix},
		"not readable, the push is accepted": {denied: true, by: "the registry, when it is pushed to"},
		"not readable, the push is refused":  {denied: true, refused: true, err: absent + "the registry does not create it when it is pushed to: begin a push to "},
		"not readable, a dry run":            {denied: true, dryRun: true},
		"of another account": {templates: []map[string]any{template("ROOT", "MUTABLE", onPush)}, host: "999999999999.dkr.ecr.eu-central-1.amazonaws.com", refused: true,
			err: absent + "the registry does not create it when it is pushed to: begin a push to "},
		"created by us": {templates: []map[string]any{template("ROOT", "IMMUTABLE", onPush)}, create: true},
	} {
		t.Run(title, func(t *testing.T) {
			aws := awsfake.New(t)
			aws.Templates = test.templates
			if test.denied {
				aws.Fail("ecr.DescribeRepositoryCreationTemplates", awsfake.AccessDenied)
			}
			images := registrytest.New(t)
			if test.refused {
				images.Fail(func(_ registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
					w.WriteHeader(http.StatusNotFound)
					return true
				})
			}
			host := images.Host
			if test.host != "" {
				host = test.host
			}
			s, err := awsauth.New(t.Context(), "")
			require.NoError(t, err)
			once := registry.Retry{Attempts: 1, First: time.Millisecond, Longest: time.Millisecond}
			r := &Registry{Private: s.ECR, Public: s.Public, Hosts: reference.Hosts{Private: host + "/team"},
				Client: registry.NewClient(registry.Options{Retry: &once, Transport: to(images.Host)})}

			created, err := r.Prepare(t.Context(), []catalog.Function{{Image: "api", Variant: catalog.Light, Registry: catalog.Private}}, Replication{}, test.create, test.dryRun)

			if test.err != "" {
				require.ErrorContains(t, err, test.err)
				return
			}
			require.NoError(t, err)
			assert.Equal(t, []ecrstate.Created{{Repository: name, Tier: catalog.Private, By: test.by}}, created)
			assert.Equal(t, test.create, aws.Repository(awsfake.Private, name) != nil)
			if test.create || test.dryRun {
				assert.Empty(t, images.Requests())
			}
		})
	}
}

// to carries every request to one host, without TLS.
func to(host string) http.RoundTripper {
	return through(func(r *http.Request) (*http.Response, error) {
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host = "http", host
		return http.DefaultTransport.RoundTrip(r)
	})
}

type through func(*http.Request) (*http.Response, error)

func (f through) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
