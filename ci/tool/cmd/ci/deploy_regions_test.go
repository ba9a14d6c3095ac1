package main

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/registry/localregistry"
)

// twoRegions is a stage whose functions run in two regions, each with a registry of ECR's name.
type twoRegions struct {
	*stage
	there     *lambdafake.Fake
	otherHost string
	otherDir  string
}

const regionList = lambdafake.Region + ",us-west-2"

func newTwoRegions(t *testing.T) *twoRegions {
	t.Helper()
	s := &twoRegions{stage: newStage(t), otherDir: t.TempDir()}
	other := httptest.NewServer(localregistry.Handler(s.otherDir))
	t.Cleanup(other.Close)
	s.otherHost = strings.TrimPrefix(other.URL, "http://")
	s.there = s.aws.In("us-west-2")
	s.functions(s.there)
	name := func(region string) string {
		return lambdafake.Account + ".dkr.ecr." + region + ".amazonaws.com"
	}
	s.more[dialVariable] = name(lambdafake.Region) + "=" + s.host + "," + name("us-west-2") + "=" + s.otherHost
	return s
}

// publish puts the images of a commit into the registries.
func (s *twoRegions) publish(commit string, hosts ...string) {
	s.t.Helper()
	before := s.story.Len()
	for _, s.host = range hosts {
		s.ci(exitDone, "publish --commit "+commit)
	}
	s.story.Truncate(before)
}

// all runs a command line for both regions. It returns what it printed.
func (s *twoRegions) all(code int, line string) string {
	s.t.Helper()
	return s.run(code, line+" --region "+regionList)
}

func (s *twoRegions) run(code int, line string) string {
	s.t.Helper()
	got := with(s.aws).and(s.more).run(s.t, append([]string{"--root", s.catalog.Root, "--cache", kept()}, strings.Fields(line)...)...)
	assert.Equal(s.t, code, got.code, "ci %s\n%s%s", line, got.stdout, got.stderr)
	text := got.stderr + got.stdout
	s.story.WriteString("$ bin/ci " + line + "\n" + text + "(exit code " + string(rune('0'+got.code)) + ")\n\n")
	return text
}

// both are what the functions of both regions run.
func (s *twoRegions) both() [2]map[string]string {
	without := func(all map[string]string) map[string]string {
		for name, uri := range all {
			all[name] = deploy.DigestOf(uri)
		}
		return all
	}
	return [2]map[string]string{without(s.running(s.aws)), without(s.running(s.there))}
}

// A release in two regions, as a person sees it.
func TestLongReleaseInTwoRegions(t *testing.T) {
	t.Parallel()
	s := newTwoRegions(t)
	here := s.host
	s.publish("1111111", here)
	s.run(exitDone, "deploy --commit 1111111 --parallel 1 --region "+lambdafake.Region)
	s.edit("media-lambda")
	s.publish("2222222", here, s.otherHost)
	s.edit("thumbnail-lambda")
	s.publish("3333333", here, s.otherHost)

	s.all(exitFailed, "deploy --commit 1111111")
	assert.Empty(t, s.there.Calls("UpdateFunctionCode"))
	s.all(exitDone, "deploy --commit 2222222 --dry-run")
	s.all(exitDone, "deploy --commit 2222222 --parallel 1")
	second := s.both()
	assert.Equal(t, second[0], second[1])
	s.all(exitDone, "status") // the second region lacks images of the first release
	s.all(exitFailed, "rollback")
	s.all(exitFailed, "rollback --to 1111111")
	assert.Equal(t, second, s.both())

	s.there.Answer = failing("Thumb", 2)
	s.all(exitRolledBack, "deploy --commit 3333333 --parallel 1 --all-regions-or-none")
	assert.Equal(t, second, s.both())
	s.there.Answer = failing("Thumb", 4)
	s.all(exitFailed, "deploy --commit 3333333 --parallel 1")
	apart := s.both()
	assert.NotEqual(t, second[0], apart[0], "what is done stays")
	assert.Equal(t, second[1], apart[1])
	s.all(exitDone, "status")
	s.there.Answer = nil
	s.all(exitDone, "deploy --commit 3333333 --parallel 1")
	third := s.both()
	assert.Equal(t, third[0], third[1])

	s.all(exitDone, "plan --offline --commit 3333333 --public-registry "+here)
	s.killedInBetween()
	assert.Equal(t, third, s.both())

	digest := strings.TrimPrefix(second[1]["Thumb"], "sha256:")
	require.NoError(t, os.RemoveAll(filepath.Join(s.otherDir, "docker/registry/v2/repositories/lambda-private-light/_manifests/revisions/sha256", digest)))
	s.all(exitFailed, "rollback")
	assert.Equal(t, third, s.both())
	s.run(exitDone, "rollback --parallel 1 --region "+lambdafake.Region)

	s.there.Disabled.Store(true)
	s.all(exitFailed, "status")
	s.all(exitFailed, "deploy --commit 3333333")
	assert.Equal(t, second[0], s.both()[0], "nothing is changed anywhere")
	before := s.story.Len()
	plan := s.all(exitFailed, "plan --offline --commit 3333333 --public-registry "+here)
	assert.Contains(t, plan, "; deploy would update 1 of 3 functions in 1 region; ")
	assert.Contains(t, plan, "\nunknown: what the functions run: us-west-2: ")
	s.story.Truncate(before) // which of the images says first that it is unknown differs

	s.host = here
	told := strings.ReplaceAll(strings.ReplaceAll(string(s.told()), s.otherHost, "OTHER"), s.aws.URL, "AWS")
	testkit.Golden(t, "regions.golden", []byte(told))
}

// killedInBetween kills a release of both regions at some of its calls to Lambda. Until it is done,
// status says so, and the same command finishes it.
func (s *twoRegions) killedInBetween() {
	s.t.Helper()
	before := s.story.Len()
	for _, line := range []string{"deploy --commit 2222222 --allow-older", "deploy --commit 3333333 --all-regions-or-none"} {
		apart := 0
		for nth := 8; ; nth += 2 {
			cmd := with(s.aws).and(s.more).command(s.t, append([]string{"--root", s.catalog.Root, "--cache", kept(), "--region", regionList, "--parallel", "1"}, strings.Fields(line)...)...)
			var count atomic.Int64
			started := make(chan struct{})
			kill := func(lambdafake.Call) lambdafake.Reply {
				return lambdafake.Reply{Before: func() {
					<-started
					if count.Add(1) == int64(nth) {
						_ = cmd.Process.Kill()
					}
				}}
			}
			s.aws.Answer, s.there.Answer = kill, kill
			require.NoError(s.t, cmd.Start())
			close(started)
			err := cmd.Wait()
			time.Sleep(10 * time.Millisecond) // what it had sent may still arrive
			s.aws.Answer, s.there.Answer = nil, nil
			if err == nil {
				break
			}
			if both := s.both(); !reflect.DeepEqual(both[0], both[1]) {
				apart++
				assert.Contains(s.t, s.all(exitDone, "status"), " in us-west-2\n")
			}
		}
		assert.Positive(s.t, apart, "no kill came between the regions")
		s.all(exitDone, line)
		both := s.both()
		assert.Equal(s.t, both[0], both[1], line)
		assert.Contains(s.t, s.all(exitDone, "status"), "deploy of commit "+strings.Fields(line)[2])
	}
	s.story.Truncate(before)
}
