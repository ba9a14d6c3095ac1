package main

import (
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish"
)

// dialVariable makes this test program, started as ci, find hosts of AWS on this machine:
// HOST=ADDRESS, with commas between.
const dialVariable = "CI_TEST_DIAL"

func init() {
	at := map[string]string{}
	for pair := range strings.SplitSeq(os.Getenv(dialVariable), ",") {
		host, address, _ := strings.Cut(pair, "=")
		at[host] = address
	}
	if os.Getenv(dialVariable) != "" {
		dialing(at)
	}
}

// dialing makes the clients of registries find the hosts at the addresses, without TLS.
func dialing(at map[string]string) {
	dial := func(ctx context.Context, _, address string) (net.Conn, error) {
		host, _, _ := strings.Cut(address, ":")
		if to, ok := at[host]; ok {
			address = to
		}
		return new(net.Dialer).DialContext(ctx, "tcp", address)
	}
	remote.DefaultTransport = &http.Transport{DialContext: dial, DialTLSContext: dial}
}

// The regions of the tests, and their registries.
const (
	secondRegion = "us-east-1"
	homeHost     = awsfake.Account + ".dkr.ecr." + awsfake.Home + ".amazonaws.com"
	secondHost   = awsfake.Account + ".dkr.ecr." + secondRegion + ".amazonaws.com"
)

// regionalStand is a stand whose private registries have the names of ECR in two regions.
type regionalStand struct {
	stand
	second *registrytest.Registry
}

func newRegionalStand(t *testing.T, root string) regionalStand {
	t.Helper()
	s := regionalStand{stand{aws: awsfake.Start(t), private: registrytest.New(t), public: registrytest.New(t), root: root}, registrytest.New(t)}
	s.aws.Regional, s.aws.PageSize = true, 1000
	s.environment = with(s.aws).and(environment{hurryVariable: "yes",
		dialVariable: homeHost + "=" + s.private.Host + "," + secondHost + "=" + s.second.Host})
	for _, name := range []string{"lambda-private-light", "lambda-private-heavy"} {
		s.aws.Add(awsfake.Private, name)
		s.aws.AddIn(secondRegion, awsfake.Private, name)
	}
	s.aws.Add(awsfake.Public, "lambda-light")
	for _, r := range []*registrytest.Registry{s.private, s.second} {
		r.Fail(s.pushed)
	}
	s.aws.Replication.Copy = func(_, repository, digest string, tags []string) {
		s.copied(t, repository, digest, tags)
	}
	return s
}

// pushed tells the stand-in of AWS what a private registry gets.
func (s regionalStand) pushed(_ registrytest.Request, w http.ResponseWriter, r *http.Request, _ http.Handler) bool {
	return s.aws.Pushed(awsfake.Private, "", w, r)
}

// copied copies an image from the first region to the second one, as ECR does.
func (s regionalStand) copied(t *testing.T, repository, digest string, tags []string) {
	from, err := name.NewDigest(s.private.Direct + "/" + repository + "@" + digest)
	require.NoError(t, err)
	image, err := remote.Image(from)
	require.NoError(t, err)
	for _, tag := range tags {
		to, err := name.NewTag(s.second.Direct + "/" + repository + ":" + tag)
		require.NoError(t, err)
		require.NoError(t, remote.Write(to, image))
	}
}

func (s regionalStand) publish(t *testing.T, args ...string) result {
	t.Helper()
	return s.environment.in(t, s.root, append([]string{"publish", "--from", filepath.Join(s.root, "dist"), "--allow-dirty", "--json",
		"--region", awsfake.Home + "," + secondRegion, "--public-registry", s.public.Host + "/alias"}, args...)...)
}

// tags are those of a repository of a registry, with their digests.
func tagsOf(t *testing.T, r *registrytest.Registry, repository string) map[string]string {
	t.Helper()
	at, err := name.NewRepository(r.Direct + "/" + repository)
	require.NoError(t, err)
	all, err := remote.List(at)
	if err != nil {
		return nil
	}
	digests := map[string]string{}
	for _, tag := range all {
		if strings.HasPrefix(tag, "sha256-") {
			continue
		}
		d, err := remote.Head(at.Tag(tag))
		require.NoError(t, err)
		digests[tag] = d.Digest.String()
	}
	return digests
}

// same fails unless both regions have the same tags.
func (s regionalStand) same(t *testing.T, tags ...string) {
	t.Helper()
	for _, repository := range []string{"lambda-private-light", "lambda-private-heavy"} {
		home := tagsOf(t, s.private, repository)
		assert.Equal(t, home, tagsOf(t, s.second, repository), repository)
		for _, tag := range tags {
			if repository == "lambda-private-light" {
				assert.Contains(t, home, tag)
			}
		}
	}
}

// builtForRegions returns a workspace with its images in dist.
func builtForRegions(t *testing.T) string {
	t.Helper()
	registries, base, ffmpeg := sources(t, "")
	root := pinned(t, registries[0].Host, registries[0].Host, base, ffmpeg, nil)
	built := command(t, root, "build-all")
	require.Equal(t, exitDone, built.code, built.stderr)
	return root
}

// stepsIn are the steps of a publish in the second region, by image.
func stepsIn(p publish.Result) map[string]publish.Step {
	all := map[string]publish.Step{}
	for _, s := range p.Steps {
		if strings.HasPrefix(s.Repository, secondHost+"/") {
			all[s.Image] = s
		}
	}
	return all
}
