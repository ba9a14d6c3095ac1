package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/awsfake"
	"lambdas.internal/ci/tool/internal/registrytest"
	"lambdas.internal/ci/tool/publish/ecrstate"
	"lambdas.internal/ci/tool/workspace/catalog"
)

func TestLongPublishIntoTwoRegions(t *testing.T) {
	t.Parallel()
	root := builtForRegions(t)
	t.Run("replication", func(t *testing.T) { replicatedOrSent(t, root) })
	t.Run("again", func(t *testing.T) { sentOnce(t, root) })
	t.Run("out of reach", func(t *testing.T) { outOfReach(t, root) })
	t.Run("repositories", func(t *testing.T) { repositoriesOf(t, root) })
	t.Run("cost", func(t *testing.T) { costOfTwoRegions(t, root) })
}

// Each region has each image with its tags and documents, whoever brought them there.
func replicatedOrSent(t *testing.T, root string) {
	t.Parallel()
	everything := awsfake.Rule{Regions: []string{secondRegion}}
	const sent, came = "not in the repository yet", "replicated by ECR"
	for title, test := range map[string]struct {
		replication awsfake.Replication
		failure     map[string]awsfake.Failure // by operation of ECR
		without     string                     // a repository that the second region lacks
		args        []string
		why         map[string]string // of the steps in the second region
		told        string
	}{
		"no replication":         {why: map[string]string{"alpha": sent, "beta": sent, "gamma": sent}},
		"replication to another": {replication: awsfake.Replication{Rules: []awsfake.Rule{{Regions: []string{"us-west-2"}}}}, why: map[string]string{"alpha": sent, "beta": sent, "gamma": sent}},
		"replication":            {replication: awsfake.Replication{Rules: []awsfake.Rule{everything}, Looks: 2}, why: map[string]string{"alpha": came, "beta": came, "gamma": came}},
		"replication makes the repository": {replication: awsfake.Replication{Rules: []awsfake.Rule{everything}}, without: "lambda-private-heavy",
			why: map[string]string{"alpha": came, "beta": came, "gamma": came}},
		"a filter": {replication: awsfake.Replication{Rules: []awsfake.Rule{{Regions: []string{secondRegion}, Prefixes: []string{"lambda-private-l"}}}},
			why: map[string]string{"alpha": came, "beta": came, "gamma": sent}},
		"replication that fails": {replication: awsfake.Replication{Rules: []awsfake.Rule{everything}, Broken: map[string]string{secondRegion: "KmsError"}},
			why:  map[string]string{"alpha": "its replication is FAILED: KmsError", "gamma": "its replication is FAILED: KmsError"},
			told: "ci: ECR has not copied alpha, beta to " + secondHost + "/lambda-private-light: its replication is FAILED: KmsError; publish sends what is missing\n"},
		"replication that takes too long": {replication: awsfake.Replication{Rules: []awsfake.Rule{everything}, Looks: 1 << 30}, args: []string{"--replication-timeout", "50ms"},
			why:  map[string]string{"alpha": "its replication is IN_PROGRESS after the time of --replication-timeout"},
			told: "ci: ECR has not copied gamma to " + secondHost + "/lambda-private-heavy: its replication is IN_PROGRESS after the time of --replication-timeout; publish sends what is missing\n"},
		"a role that may not read the rules": {replication: awsfake.Replication{Rules: []awsfake.Rule{everything}}, failure: map[string]awsfake.Failure{"ecr.DescribeRegistry": awsfake.AccessDenied},
			why:  map[string]string{"alpha": sent},
			told: "ci: warning: it is unknown whether ECR replicates to the other regions, so publish sends the images to each: read what ECR replicates: "},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newRegionalStand(t, root)
			s.aws.Replication.Rules, s.aws.Replication.Looks, s.aws.Replication.Broken = test.replication.Rules, test.replication.Looks, test.replication.Broken
			for operation, failure := range test.failure {
				s.aws.Fail(operation, failure)
			}
			if test.without != "" {
				s.aws.RemoveIn(secondRegion, test.without)
			}

			got := s.publish(t, append(test.args, "--commit", "aaaaaaa")...)

			p := decode(t, got)
			assert.Len(t, p.Steps, 7, "three images in two regions, and a public one")
			assert.Len(t, p.Outcome.Moved, 7)
			steps := stepsIn(p)
			require.Len(t, steps, 3)
			for image, why := range test.why {
				assert.Equal(t, why, steps[image].Why, image)
			}
			assert.Contains(t, got.stderr, test.told)
			assert.LessOrEqual(t, strings.Count(got.stderr, "warning: it is unknown"), 1)
			s.same(t, "alpha-aaaaaaa", "alpha-latest", "beta-aaaaaaa", "beta-latest")
			for _, image := range []string{"alpha", "gamma"} {
				bom := s.environment.in(t, s.root, "sbom", "--name", image, "--commit", "aaaaaaa", "--region", secondRegion, "--public-registry", s.public.Host+"/alias")
				assert.Equal(t, exitDone, bom.code, "the documents of %s are there: %s", image, bom.stderr)
			}
			if test.why["gamma"] == came {
				largest := int64(0)
				for _, r := range s.second.Requests() {
					if r.Kind == "upload" {
						largest = max(largest, r.Bytes)
					}
				}
				assert.Less(t, largest, int64(100_000), "documents at most")
			}
		})
	}
}

// What a region holds already is not sent to it again, and a layer goes to each region once.
func sentOnce(t *testing.T, root string) {
	t.Parallel()
	s := newRegionalStand(t, root)
	dry := decode(t, s.publish(t, "--commit", "aaaaaaa", "--dry-run"))
	first := decode(t, s.publish(t, "--commit", "aaaaaaa"))
	assert.Equal(t, dry.Bytes, first.Outcome.Sent, "the dry run tells exactly the bytes")
	home, uploads := s.private.Uploaded()
	second, others := s.second.Uploaded()
	assert.Equal(t, home, second)
	assert.Equal(t, uploads, others)

	// Signatures and room for tags are those of each region.
	s.aws.Signing = [][]map[string]any{{{"signingProfileArn": "arn:aws:signer:eu-central-1:123456789012:/signing-profiles/images", "status": "COMPLETE"}}}
	crowded := s.aws.RepositoryIn(secondRegion, awsfake.Private, "lambda-private-heavy")
	for n := range crowded.Images {
		for i := range 800 {
			if slices.Contains(crowded.Images[n].Tags, "gamma-aaaaaaa") {
				crowded.Images[n].Tags = append(crowded.Images[n].Tags, fmt.Sprintf("gamma-c%06x", i))
			}
		}
	}

	got := s.publish(t, "--commit", "bbbbbbb")

	again := decode(t, got)
	assert.Zero(t, again.Outcome.Sent)
	signed := map[string]int{}
	for _, one := range again.Signatures {
		signed[one.Region]++
	}
	assert.Equal(t, map[string]int{awsfake.Home: 3, secondRegion: 3}, signed)
	assert.Equal(t, 1, strings.Count(got.stderr, " tags of old commits from "))
	assert.Contains(t, got.stderr, " in "+secondHost+"/lambda-private-heavy: AWS accepts no more than 1000 on an image\n")
	s.same(t, "alpha-aaaaaaa", "alpha-bbbbbbb")
	got = s.environment.in(t, s.root, "publish", "--from", filepath.Join(s.root, "dist"), "--allow-dirty", "--commit", "ccccccc", "--dry-run",
		"--region", awsfake.Home+","+secondRegion, "--public-registry", s.public.Host+"/alias")
	assert.Contains(t, got.stdout, "  "+secondHost+"/lambda-private-light  ")
	assert.Contains(t, got.stdout, "  "+secondHost+"/lambda-private-light (deploy copy)  ")
	assert.Contains(t, got.stdout, "3 images for linux/amd64 in 5 repositories under 14 tags; would send 0 layers, ")
}

// A region out of reach: no latest tag moves in any, and the last line says what to type next.
func outOfReach(t *testing.T, root string) {
	t.Parallel()
	const next = "ci: only us-east-1 failed; to publish to the other regions without it, pass --region eu-central-1\n"
	for title, test := range map[string]struct {
		fail func(s regionalStand)
		said []string
	}{
		"its API refuses": {func(s regionalStand) {
			s.aws.Answer = func(c awsfake.Call) awsfake.Failure {
				if c.Region == secondRegion && strings.HasPrefix(c.Operation, "ecr.") {
					return awsfake.AccessDenied
				}
				return awsfake.Failure{}
			}
		}, []string{"ci: in us-east-1: look for the private repository lambda-private-heavy: ", "ci: nothing was published; the same command fails again until that is changed"}},
		"a repository is missing": {func(s regionalStand) { s.aws.RemoveIn(secondRegion, "lambda-private-heavy") },
			[]string{"ci: publish to the private repository lambda-private-heavy in us-east-1: it does not exist; create it with --create-repositories\n"}},
		"its registry refuses": {func(s regionalStand) {
			s.second.Fail(func(q registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
				if q.Method == http.MethodPut && q.Kind == "manifest" {
					w.WriteHeader(http.StatusForbidden)
					return true
				}
				return false
			})
		}, []string{"ci: publish ", secondHost, "ci: no latest tag was moved; "}},
		"a latest tag is refused": {func(s regionalStand) {
			s.second.Fail(func(q registrytest.Request, w http.ResponseWriter, _ *http.Request, _ http.Handler) bool {
				if q.Method == http.MethodPut && strings.HasSuffix(q.Path, "/gamma-latest") {
					w.WriteHeader(http.StatusForbidden)
					return true
				}
				return false
			})
		}, []string{"ci: publish gamma: tag gamma-latest in " + secondHost, "ci: every latest tag was rolled back; "}},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			s := newRegionalStand(t, root)
			test.fail(s)

			got := s.publish(t, "--commit", "aaaaaaa")

			assert.Equal(t, exitFailed, got.code)
			for _, text := range test.said {
				assert.Contains(t, got.stderr, text)
			}
			assert.True(t, strings.HasSuffix(got.stderr, next), got.stderr)
			for _, region := range []string{awsfake.Home, secondRegion} {
				for _, name := range []string{"lambda-private-light", "lambda-private-heavy"} {
					repository := s.aws.RepositoryIn(region, awsfake.Private, name)
					for n := 0; repository != nil && n < len(repository.Images); n++ {
						assert.NotContains(t, strings.Join(repository.Images[n].Tags, " "), "latest")
					}
				}
			}
		})
	}
}

// Repositories that are missing are made in each region.
func repositoriesOf(t *testing.T, root string) {
	t.Parallel()
	s := newRegionalStand(t, root)
	s.aws.RemoveIn(secondRegion, "lambda-private-light")
	s.aws.RemoveIn(awsfake.Home, "lambda-private-heavy")

	p := decode(t, s.publish(t, "--commit", "aaaaaaa", "--create-repositories"))

	assert.ElementsMatch(t, []ecrstate.Created{
		{Repository: "lambda-private-heavy", Tier: catalog.Private, Region: awsfake.Home},
		{Repository: "lambda-private-light", Tier: catalog.Private, Region: secondRegion},
	}, p.Created)
	assert.NotNil(t, s.aws.RepositoryIn(secondRegion, awsfake.Private, "lambda-private-light"))
	assert.NotNil(t, s.aws.RepositoryIn(awsfake.Home, awsfake.Private, "lambda-private-heavy"))
}
