package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/lambdafake"
)

// hurryVariable makes this test program, started as ci, wait as little as the tests do.
const hurryVariable = "CI_TEST_HURRY"

func init() {
	if os.Getenv(hurryVariable) != "" {
		hurry()
	}
}

// every is by how many requests the kills of a deploy are apart.
var every = flag.Int("every", 5, "kill a deploy at every so many `requests`")

// killed runs a command line in a process of its own, and kills it when the nth request
// arrives; what had arrived is still carried out. ok is true if it ended before.
func (s *stage) killed(nth int, line string) (ok bool) {
	s.t.Helper()
	cmd := with(s.aws).and(s.more).command(s.t, append([]string{"--root", s.catalog.Root, "--cache", kept(), "--private-registry", s.host}, strings.Fields(line)...)...)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	var mu sync.Mutex
	count := 0
	started := make(chan struct{})
	arrived := func() {
		<-started
		mu.Lock()
		defer mu.Unlock()
		if count++; count == nth {
			_ = cmd.Process.Kill()
		}
	}
	s.arrived.Store(&arrived)
	s.aws.Answer = func(lambdafake.Call) lambdafake.Reply { return lambdafake.Reply{Before: arrived} }
	require.NoError(s.t, cmd.Start())
	close(started)
	err := cmd.Wait()
	time.Sleep(10 * time.Millisecond) // what it had sent may still arrive
	s.arrived.Store(nil)
	s.aws.Answer = nil
	if err == nil {
		return true
	}
	mu.Lock()
	defer mu.Unlock()
	require.GreaterOrEqual(s.t, count, nth, "it failed by itself: %s", out.String())
	return false
}

// A deploy is killed at each of its requests, or with -every at some. What it leaves, status tells, and a plain
// rollback restores the last release: not the one before it.
func TestLongADeployThatIsKilledAtEveryRequest(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.commits()
	s.ci(exitDone, "deploy --commit 1111111 --alias live")
	s.ci(exitDone, "deploy --commit 2222222 --alias live")
	good := s.running(s.aws)
	seen := map[string]int{}
	for n := 1; ; n += *every {
		require.Less(t, n, 1000)
		ended := s.killed(n, "deploy --commit 3333333 --alias live --canary 10% --parallel 2")
		now, split := s.running(s.aws), len(s.aws.Split("Thumb", "live")) > 0
		told := s.in(s.aws, exitDone, "status")
		said := strings.Contains(told, "! not as the last release left them: ")
		at := fmt.Sprintf("killed at request %d:\n%s", n, told)
		switch {
		case strings.Contains(told, ": deploy of commit 3333333 "):
			seen["it was recorded"]++
			require.False(t, said, at)
		case s.same(good, now) && !split:
			seen["nothing was changed"]++
			continue // a rollback would rightly go to the release before
		default:
			seen["functions differ"]++
			require.True(t, said, at)
			require.Contains(t, told, "Thumb", at)
			require.Contains(t, told, "; to restore the ", at)
			if now["Thumb"] != good["Thumb"] {
				require.Regexp(t, `runs sha256:\w+ \(commit 3333333\)(, which no live tag protects from retention)?; the last release put `, told, at)
				require.Contains(t, told, "; to complete commit 3333333: bin/ci deploy --commit 3333333 --alias live\n", at)
			}
		}
		s.in(s.aws, exitDone, "rollback")
		require.True(t, s.same(good, s.running(s.aws)), at)
		require.Empty(t, s.aws.Split("Thumb", "live"), at)
		require.NotContains(t, s.in(s.aws, exitDone, "status"), "not as the last release", at)
		if ended {
			break
		}
	}
	t.Log(seen)
	assert.Len(t, seen, 3, "%v", seen)
}

// A rollback that was killed is finished by typing it again: it does not go forward.
func TestLongARollbackThatIsKilled(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.commits()
	s.ci(exitDone, "deploy --commit 1111111 --alias live")
	old := s.running(s.aws)
	s.ci(exitDone, "deploy --commit 3333333 --alias live")
	faulty := s.running(s.aws)
	finished := 0
	for n := 9; ; n += 7 {
		require.Less(t, n, 1000)
		ended := s.killed(n, "rollback --parallel 1")
		told := s.in(s.aws, exitDone, "status")
		at := fmt.Sprintf("killed at request %d:\n%s", n, told)
		if strings.Contains(told, "not as the last release left them") {
			finished++
			require.Contains(t, told, "as after a rollback that was killed; to finish the rollback to commit 1111111: bin/ci rollback; ", at)
			s.in(s.aws, exitDone, "rollback")
			require.True(t, s.same(old, s.running(s.aws)), at)
		}
		s.in(s.aws, exitDone, "deploy --commit 3333333 --alias live")
		require.True(t, s.same(faulty, s.running(s.aws)), at)
		if ended {
			break
		}
	}
	assert.Greater(t, finished, 3)
}

// same tells whether the functions run the same images. The aliases may lead to other versions
// of these.
func (s *stage) same(a, b map[string]string) bool {
	for name := range a {
		if a[name] != b[name] {
			return false
		}
	}
	return true
}
