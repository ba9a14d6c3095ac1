package main

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/inspect/cost"
	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish"
	"lambdas.internal/ci/tool/registry"
)

func measured(t *testing.T, root string, args ...string) cost.Report {
	t.Helper()
	return environment(nil).measured(t, root, args...)
}

func (e environment) measured(t *testing.T, root string, args ...string) cost.Report {
	t.Helper()
	r := e.in(t, root, append([]string{"cost", "--json"}, args...)...)
	require.Equal(t, exitDone, r.code, r.stderr)
	var report cost.Report
	require.NoError(t, json.Unmarshal([]byte(r.stdout), &report))
	return report
}

// stores is what a publish added to the registries: images, and what is attached to them.
func stores(p publish.Result) int64 { return p.Outcome.Sent + p.Outcome.Attached }

// What cost says is stored is what publish says it has sent.
func TestCostOfWhatPublishHasSent(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	publish := []string{"publish", "--local", "--offline", "--allow-dirty", "--json", "--commit"}
	none := command(t, root, "cost", "--local")
	assert.Equal(t, exitFailed, none.code)
	assert.Contains(t, none.stderr, "ci: nothing is published in dist/registry; publish first: bin/ci publish --local\n")

	sent := stores(decode(t, command(t, root, append(publish, "aaaaaaa")...)))
	model := measured(t, root, "--from", filepath.Join(root, "dist"), "--versions", "1")
	stored := measured(t, root, "--local")
	assert.Equal(t, sent, stored.Private.Bytes+stored.Public.Bytes)
	require.Len(t, stored.Layouts, len(model.Layouts))
	for n, l := range model.Layouts {
		attached := stored.Layouts[n].Private.Bytes - l.Private.Bytes
		assert.True(t, attached > 0 && attached < 20_000, "%s: a model of one version is what one publish leaves, but for the documents: %d", l.Name, attached)
	}
	assert.Equal(t, []string{"alpha", "beta"}, model.Offline)
	assert.Equal(t, "dist", model.Source)

	require.NoError(t, os.WriteFile(filepath.Join(root, "functions/beta/main.go"), []byte("package main\n\nfunc main() { println(\"edited\") }\n"), 0o644))
	sent += stores(decode(t, command(t, root, append(publish, "bbbbbbb")...)))
	stored = measured(t, root, "--local")
	assert.Equal(t, sent, stored.Private.Bytes+stored.Public.Bytes)
	beta := stored.Repositories[1].Parts[1]
	assert.Equal(t, []string{"beta"}, beta.Images)
	assert.Equal(t, 2, beta.Versions)

	five := measured(t, root, "--offline")
	assert.Equal(t, 5, five.Versions)
	assert.Equal(t, 5, five.Repositories[1].Parts[1].Versions)
	assert.Greater(t, five.Public.Bytes, stored.Public.Bytes)
}

func TestCostOfRegistriesOfOnesOwn(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	r := registrytest.New(t)
	hosts := []string{"--private-registry", r.Host, "--public-registry", r.Host + "/alias"}
	empty := command(t, root, append(hosts, "cost", "--published")...)
	assert.Equal(t, exitFailed, empty.code)
	assert.Equal(t, "ci: measure "+r.Host+" and "+r.Host+"/alias: nothing is published there; publish first: bin/ci publish\n", empty.stderr)

	sent := stores(decode(t, command(t, root, append(hosts, "publish", "--offline", "--allow-dirty", "--json", "--commit", "aaaaaaa")...)))
	stored := measured(t, root, append(hosts, "--published")...)
	assert.Equal(t, sent, stored.Private.Bytes+stored.Public.Bytes)
	assert.Zero(t, stored.Versions)
	assert.Empty(t, stored.Offline)

	r.RequirePassword(func(string) bool { return false })
	refused := command(t, root, append(hosts, "cost", "--published")...)
	assert.Equal(t, exitFailed, refused.code)
	assert.Contains(t, refused.stderr, "ci: read what "+r.Host+"/lambda-private-light holds: ")
}

func TestCostOfECR(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.aws.Add(awsfake.Private, "lambda-private-light")
	s.aws.Add(awsfake.Public, "lambda-light")
	sent := stores(decode(t, s.publish(t, "--json", "--commit", "aaaaaaa")))
	s.tell(t, awsfake.Private, s.private.Direct, "lambda-private-light")
	s.tell(t, awsfake.Public, s.public.Direct+"/alias", "lambda-light")
	hosts := []string{"--published", "--private-registry", s.private.Host, "--public-registry", s.public.Host + "/alias"}
	stored := s.environment.measured(t, s.root, hosts...)
	assert.Equal(t, sent, stored.Private.Bytes+stored.Public.Bytes)
	assert.NotEmpty(t, s.aws.Calls("ecr.DescribeImages"), "images without a tag are asked for")
	assert.NotEmpty(t, s.aws.Calls("ecrpublic.DescribeImages"))

	s.aws.Fail("ecr.DescribeImages", awsfake.AccessDenied)
	denied := s.environment.in(t, s.root, append([]string{"cost"}, hosts...)...)
	assert.Equal(t, exitFailed, denied.code)
	assert.Contains(t, denied.stderr, "ci: read what "+s.private.Host+"/lambda-private-light holds: list the images of ")
	assert.Empty(t, denied.stdout)
}

func TestCostOfImagesThatAreAllArchived(t *testing.T) {
	t.Parallel()
	s := newStand(t)
	s.aws.Add(awsfake.Private, "lambda-private-light", awsfake.Image{Digest: digest("a"), Tags: []string{"beta-aaaaaaa"}, Status: "ARCHIVED", Size: 1 << 30})
	s.aws.Add(awsfake.Public, "lambda-light")
	got := s.environment.in(t, s.root, "cost", "--published", "--private-registry", s.private.Host, "--public-registry", s.public.Host+"/alias")
	assert.Equal(t, exitDone, got.code, got.stderr)
	assert.Contains(t, got.stdout, "\narchived, and not counted above: 1 image of at most 1073.7 MB (a layer of several counts for each), $0.1000 a month")
}

// tell tells the stand-in of AWS what the repository at a registry holds.
func (s stand) tell(t *testing.T, tier, host, name string) {
	t.Helper()
	client := registry.NewClient(registry.Options{})
	tags, err := client.Tags(t.Context(), host+"/"+name)
	require.NoError(t, err)
	images := map[string]awsfake.Image{}
	for _, tag := range tags {
		manifest, digest, err := client.Manifest(t.Context(), host+"/"+name, tag)
		require.NoError(t, err)
		images[digest.String()] = awsfake.Image{Digest: digest.String(), Manifest: string(manifest), Tags: append(images[digest.String()].Tags, tag)}
	}
	s.aws.Add(tier, name, slices.Collect(maps.Values(images))...)
}

// Each region stores and costs what it holds; one that does not answer is not counted, and said.
func costOfTwoRegions(t *testing.T, root string) {
	t.Parallel()
	s := newRegionalStand(t, root)
	require.Equal(t, exitDone, s.publish(t, "--commit", "aaaaaaa").code)
	args := []string{"cost", "--published", "--json", "--region", awsfake.Home + "," + secondRegion, "--public-registry", s.public.Host + "/alias"}
	var both, one cost.Report
	got := s.environment.in(t, root, args...)
	require.Equal(t, exitDone, got.code, got.stderr)
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &both))
	s.aws.Answer = func(c awsfake.Call) awsfake.Failure {
		if c.Region == secondRegion && c.Operation == "ecr.DescribeImages" {
			return awsfake.AccessDenied
		}
		return awsfake.Failure{}
	}

	got = s.environment.in(t, root, args...)

	assert.Equal(t, exitFailed, got.code)
	assert.Contains(t, got.stderr, "ci: us-east-1: read what "+secondHost+"/lambda-private-light holds: ")
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &one))
	assert.Equal(t, 2*one.Private.Bytes, both.Private.Bytes)
	assert.Equal(t, one.Public.Bytes, both.Public.Bytes)
	assert.Empty(t, both.NotRead)
	require.Len(t, one.NotRead, 1)
	assert.Contains(t, one.NotRead[0], "us-east-1: read what ")
}
