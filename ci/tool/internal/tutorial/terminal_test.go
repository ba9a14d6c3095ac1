//go:build unix

package tutorial

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
)

// terminal is a shell that keeps its folder and variables from command to command.
type terminal struct {
	t       *testing.T
	input   io.Writer
	printed *bufio.Reader
}

// start starts a shell in a process group of its own, which ends with the test.
func start(ctx context.Context, t *testing.T, folder string, environment []string, prepare func(*exec.Cmd), args ...string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("bash", append([]string{"--norc", "--noprofile"}, args...)...)
	cmd.Dir, cmd.Env = folder, environment
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	prepare(cmd)
	require.NoError(t, cmd.Start())
	kill := func() { syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	context.AfterFunc(ctx, kill)
	t.Cleanup(kill)
	return cmd
}

func newTerminal(ctx context.Context, t *testing.T, environment []string) *terminal {
	t.Helper()
	term := &terminal{t: t}
	cmd := start(ctx, t, t.TempDir(), environment, func(cmd *exec.Cmd) {
		input, err := cmd.StdinPipe()
		require.NoError(t, err)
		output, err := cmd.StdoutPipe()
		require.NoError(t, err)
		cmd.Stderr = cmd.Stdout
		term.input, term.printed = input, bufio.NewReader(output)
	})
	t.Cleanup(func() { cmd.Wait() })
	return term
}

// run runs a command and returns what it printed. The test ends if it fails.
func (term *terminal) run(command string) string {
	term.t.Helper()
	const mark = "exit code of the command: "
	_, err := fmt.Fprintf(term.input, "{ %s\n} </dev/null\nprintf '\\n%s%%d\\n' $?\n", command, mark)
	require.NoError(term.t, err)
	var b strings.Builder
	for {
		line, err := term.printed.ReadString('\n')
		require.NoError(term.t, err, "`%s` did not end\n%s", command, b.String())
		code, ended := strings.CutPrefix(line, mark)
		if !ended {
			b.WriteString(line)
			continue
		}
		require.Equal(term.t, "0\n", code, "the exit code of `%s`\n%s", command, b.String())
		return strings.TrimSuffix(b.String(), "\n")
	}
}

// inBackground runs a command until its Ctrl-C, and waits until it has printed what the
// page shows. stop is that Ctrl-C.
func inBackground(ctx context.Context, t *testing.T, folder string, environment []string, s step) (printed string, stop func()) {
	t.Helper()
	out := &testkit.Buffer{}
	cmd := start(ctx, t, folder, environment, func(cmd *exec.Cmd) { cmd.Stdout, cmd.Stderr = out, out }, "-c", s.command)
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	require.NotEmpty(t, s.shown, "the page shows nothing of what `%s` prints, so nothing says when it is ready", s.command)
	for len(missing(s.shown, out.String())) > 0 {
		select {
		case err := <-ended:
			require.FailNow(t, "it ended", "`%s`: %v\n%s", s.command, err, out)
		case <-ctx.Done():
			require.FailNow(t, "it does not print what the page shows", "`%s`: %v\n%s", s.command, missing(s.shown, out.String()), out)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return out.String(), func() {
		require.NoError(t, syscall.Kill(-cmd.Process.Pid, syscall.SIGINT))
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			assert.Fail(t, "it does not end at Ctrl-C", "`%s`\n%s", s.command, out)
		}
	}
}
