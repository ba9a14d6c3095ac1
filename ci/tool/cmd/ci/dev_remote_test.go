package main

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/deploy"
	"lambdas.internal/ci/tool/internal/lambdafake"
	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/registry"
)

// begun is a command line that runs until it is interrupted.
type begun struct {
	*exec.Cmd
	output testkit.Buffer
	ended  chan error
}

// begin starts a command line, which ends with the test.
func (e environment) begin(t *testing.T, root string, args ...string) *begun {
	t.Helper()
	b := &begun{Cmd: e.command(t, append([]string{"--root", root, "--cache", kept()}, args...)...), ended: make(chan error, 1)}
	b.Stdout, b.Stderr = &b.output, &b.output
	require.NoError(t, b.Start())
	go func() { b.ended <- b.Wait() }()
	t.Cleanup(func() { _ = b.Process.Kill() })
	return b
}

// says waits until the command has printed a text so many times.
func (b *begun) says(t *testing.T, text string, times int) {
	t.Helper()
	require.Eventually(t, func() bool { return strings.Count(b.output.String(), text) >= times }, 2*time.Minute, 5*time.Millisecond, "%q is not in: %s", text, &b.output)
}

// interrupt sends what Ctrl-C sends, and waits for the end.
func (b *begun) interrupt(t *testing.T) {
	t.Helper()
	b.end(t, os.Interrupt)
}

// end sends a signal, and waits for the end.
func (b *begun) end(t *testing.T, signal os.Signal) {
	t.Helper()
	require.NoError(t, b.Process.Signal(signal))
	select {
	case err := <-b.ended:
		require.NoError(t, err, b.output.String())
	case <-time.After(time.Minute):
		require.Fail(t, "it goes on", b.output.String())
	}
}

// remoteStage is a stage with environments, and the function of a developer.
func remoteStage(t *testing.T, environments string) (s *stage, before string) {
	t.Helper()
	s = newStage(t)
	testkit.Write(t, s.catalog.Root, map[string]string{"ci/pipeline.json": environments})
	before = s.host + "/lambda-private-light@" + testkit.Digest("before").String()
	s.aws.Add("Api-dana", before)
	s.aws.Untag = func(repository, tag string) {
		assert.NoError(t, registry.NewClient(registry.Options{}).Untag(context.Background(), s.host+"/"+repository, tag))
	}
	return s, before
}

func (s *stage) remote(args ...string) *begun {
	return with(s.aws).and(s.more).begin(s.t, s.catalog.Root, append([]string{"dev", "--private-registry", s.host, "--base", "static", "--offline", "--remote", "api"}, args...)...)
}

// Each save is pushed and run at the developer's own function, whose log is shown; then all is
// as before, in the registry too.
func TestDevAtAFunctionOfOnesOwn(t *testing.T) {
	s, before := remoteStage(t, `{"environments": {"production": {"alias": "live"}}}`)
	live := s.aws.Image("Api")
	b := s.remote("--suffix", "dana")
	b.says(t, "Api-dana runs sha256:", 1)
	assert.Contains(t, b.output.String(), "dev | Api-dana runs "+before+"; if this is killed, put that back: aws lambda update-function-code --function-name Api-dana --image-uri "+before+"\n")
	first := s.aws.Image("Api-dana")
	assert.NotEqual(t, before, first)
	s.aws.Log("Api-dana", "$LATEST", "hello from the first")
	b.says(t, "api | hello from the first\n", 1)

	b.says(t, "save a source of api", 1)
	testkit.Write(t, s.catalog.Root, map[string]string{"functions/media-lambda/main.go": "package main\n\nfunc main() { undefined() }\n"})
	b.says(t, "main.go:3:15: undefined: undefined", 1)
	assert.Equal(t, first, s.aws.Image("Api-dana"), "what runs goes on")
	s.edit("media-lambda")
	b.says(t, "Api-dana runs sha256:", 2)
	second := s.aws.Image("Api-dana")
	assert.NotEqual(t, first, second)
	b.says(t, "save a source of api", 3)
	require.Len(t, s.developers(), 1, "the first image has no tag any more")
	for _, message := range []string{"one", "two", "three"} { // more than an answer holds
		s.aws.Log("Api-dana", "$LATEST", message)
	}
	b.says(t, "api | three\n", 1)
	assert.Equal(t, 1, strings.Count(b.output.String(), "api | hello from the first\n"), "no event is shown twice")

	b.interrupt(t)
	assert.Equal(t, before, s.aws.Image("Api-dana"))
	assert.Equal(t, live, s.aws.Image("Api"))
	assert.Empty(t, s.developers())
	assert.Contains(t, b.output.String(), "dev | Api-dana runs "+before+" again\n")
}

// developers are the tags of developers in the registry.
func (s *stage) developers() []string {
	var found []string
	tags, err := registry.NewClient(registry.Options{}).Tags(s.t.Context(), s.host+"/lambda-private-light")
	require.NoError(s.t, err)
	for _, tag := range tags {
		if strings.Contains(tag, "-dev-") {
			assert.Regexp(s.t, `^api-dev-dana-[0-9]+-[0-9]+-live$`, tag)
			found = append(found, tag)
		}
	}
	return found
}

// With an alias, the code that has no version is what it was after each save, and the versions
// of the developer are gone in the end.
func TestDevAtAnAliasOfOnesOwn(t *testing.T) {
	for name, existed := range map[string]bool{"that exists": true, "that does not exist": false} {
		t.Run(name, func(t *testing.T) {
			s, _ := remoteStage(t, `{"environments": {"production": {"alias": "live"}}}`)
			before := s.aws.Image("Api")
			s.aws.Change("Api", func(f *lambdafake.Function) {
				f.Versions, f.Aliases = []string{"registry/old@" + testkit.Digest("old").String(), before}, map[string]string{"live": "2"}
				if existed {
					f.Aliases["dana"] = "1"
				}
			})
			was := s.aws.Alias("Api", "dana")
			b := s.remote("--alias", "dana")
			b.says(t, "Api:dana runs sha256:", 1)
			first := s.aws.Alias("Api", "dana")
			assert.NotEqual(t, was, first)
			s.aws.Log("Api", "3", "mine")
			s.aws.Log("Api", "2", "of others")
			b.says(t, "api | mine\n", 1)
			assert.NotContains(t, b.output.String(), "of others")
			b.says(t, "save a source of api", 1)
			s.edit("media-lambda")
			b.says(t, "Api:dana runs sha256:", 2)
			assert.NotEqual(t, first, s.aws.Alias("Api", "dana"))
			assert.Equal(t, before, s.aws.Image("Api"), "the code without a version")
			assert.Equal(t, before, s.aws.Alias("Api", "live"))

			b.interrupt(t)
			assert.Equal(t, was, s.aws.Alias("Api", "dana"))
			assert.Equal(t, before, s.aws.Image("Api"))
			s.aws.Change("Api", func(f *lambdafake.Function) {
				assert.Equal(t, []string{"registry/old@" + testkit.Digest("old").String(), before, "", ""}, f.Versions, "its versions are deleted, and no other")
			})
			assert.Empty(t, s.developers())
		})
	}
}

// What somebody else deployed in the meantime is not touched.
func TestDevLeavesWhatOthersDid(t *testing.T) {
	s, _ := remoteStage(t, `{}`)
	b := s.remote("--suffix", "dana")
	b.says(t, "save a source of api", 1)
	theirs := "registry/theirs@" + testkit.Digest("theirs").String()
	s.aws.Change("Api-dana", func(f *lambdafake.Function) { f.Image = theirs })
	require.NoError(t, b.Process.Signal(os.Interrupt))
	require.Error(t, <-b.ended)
	assert.Contains(t, b.output.String(), "it runs "+theirs+", which this command did not put there: somebody else has updated it, and it is left as it is; type: aws lambda update-function-code")
	assert.Equal(t, theirs, s.aws.Image("Api-dana"))
}

func TestDevRefusesWhatUsersCall(t *testing.T) {
	const live = `{"environments": {"production": {"alias": "live"}}}`
	for name, test := range map[string]struct {
		pipeline string
		args     []string
		code     int
		says     string
	}{
		"no stage":                        {live, nil, exitUsage, "--remote needs a stage that is yours alone"},
		"two stages":                      {live, []string{"--suffix", "a", "--alias", "b"}, exitUsage, "--remote needs a stage that is yours alone"},
		"the alias of an environment":     {live, []string{"--alias", "live"}, exitUsage, "live is the alias of the environment production, which users call"},
		"an alias, and no environment":    {`{}`, []string{"--alias", "dana"}, exitUsage, "names no environment, so nothing says which alias of Api is live"},
		"an alias, and users without one": {`{"environments": {"a": {"alias": "live"}, "b": {"region": "eu-west-1"}}}`, []string{"--alias", "dana"}, exitUsage, "the environment b in ci/pipeline.json has no alias"},
		"a version":                       {live, []string{"--alias", "7"}, exitUsage, `"7" is not a name for a stage`},
		"no alias":                        {live, []string{"--alias", "$LATEST"}, exitUsage, `"$LATEST" is not a name for a stage`},
		"a suffix that is none":           {live, []string{"--suffix", "a b"}, exitUsage, `"a b" is not a name for a stage`},
		"a suffix that is too long":       {live, []string{"--suffix", strings.Repeat("a", 32)}, exitUsage, "is not a name for a stage"},
		"a function that does not exist":  {live, []string{"--suffix", "other"}, exitFailed, "aws lambda create-function --function-name Api-other"},
		"how to run here":                 {live, []string{"--suffix", "dana", "--listen", "127.0.0.1:0"}, exitUsage, "--listen says how to run a function here; it cannot be combined with --remote"},
		"an account that is none":         {live, []string{"--suffix", "dana", "--account", "1"}, exitUsage, "is not an AWS account"},
	} {
		t.Run(name, func(t *testing.T) {
			s, before := remoteStage(t, test.pipeline)
			got := with(s.aws).and(s.more).in(t, s.catalog.Root, append([]string{"dev", "--offline", "--base", "static", "--private-registry", s.host, "--remote", "api"}, test.args...)...)
			assert.Equal(t, test.code, got.code, got.stderr)
			assert.Contains(t, got.stderr, test.says)
			assert.Empty(t, s.aws.Calls("UpdateFunctionCode"))
			assert.Equal(t, before, s.aws.Image("Api-dana"))
		})
	}
	t.Run("a function whose calls go to a version", func(t *testing.T) {
		s, before := remoteStage(t, live)
		s.aws.Change("Api-dana", func(f *lambdafake.Function) { f.Durable = true })
		got := with(s.aws).and(s.more).in(t, s.catalog.Root, "dev", "--private-registry", s.host, "--remote", "api", "--suffix", "dana")
		assert.Equal(t, exitFailed, got.code)
		assert.Contains(t, got.stderr, "Api-dana runs on Lambda Managed Instances, or durably")
		assert.Equal(t, before, s.aws.Image("Api-dana"))
	})
	t.Run("the function of another image", func(t *testing.T) {
		s, _ := remoteStage(t, live)
		other := strings.Replace(testkit.Files(t)["functions/enhance-lambda/image.json"], `"Enhance"`, `"Api-dana"`, 1)
		testkit.Write(t, s.catalog.Root, map[string]string{"functions/enhance-lambda/image.json": other})
		got := with(s.aws).and(s.more).in(t, s.catalog.Root, "dev", "--private-registry", s.host, "--remote", "api", "--suffix", "dana")
		assert.Equal(t, exitUsage, got.code)
		assert.Contains(t, got.stderr, "Api-dana is the function of functions/enhance-lambda, which deploy updates")
	})
}

// Faults of AWS: an update that fails leaves the stage as it was, and one that meets another
// update is made again.
func TestDevMeetsFaults(t *testing.T) {
	s, before := remoteStage(t, `{}`)
	s.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
		switch {
		case c.Operation == "UpdateFunctionCode" && c.Count == 1:
			return lambdafake.Reply{Status: 409, Code: "ResourceConflictException", Message: "An update is in progress"}
		case c.Operation == "FilterLogEvents":
			return lambdafake.Reply{Status: 400, Code: "AccessDeniedException", Message: "not for you"}
		}
		return lambdafake.Reply{}
	}
	b := s.remote("--suffix", "dana")
	b.says(t, "save a source of api", 1)
	b.says(t, "the log is not shown: read the log /aws/lambda/Api-dana: AccessDeniedException: not for you", 1)
	b.end(t, syscall.SIGHUP) // the terminal is closed
	assert.Equal(t, before, s.aws.Image("Api-dana"))

	s.aws.Answer = func(c lambdafake.Call) lambdafake.Reply {
		if c.Operation == "UpdateFunctionCode" && deploy.DigestOf(c.URI) != deploy.DigestOf(before) {
			return lambdafake.Reply{Fail: "ImageAccessDenied: no rights"}
		}
		return lambdafake.Reply{}
	}
	b = s.remote("--suffix", "dana")
	require.Error(t, <-b.ended)
	assert.Contains(t, b.output.String(), "LastUpdateStatus is Failed: ImageAccessDenied: no rights")
	assert.Equal(t, before, s.aws.Image("Api-dana"))
	assert.Empty(t, s.developers())
}
