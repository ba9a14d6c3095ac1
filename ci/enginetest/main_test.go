// Package enginetest runs the Dagger module on a real engine, as its users do.
package enginetest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"dagger.io/dagger"
	"github.com/stretchr/testify/require"
)

// TestMain runs no test without an engine, and says so in one line.
func TestMain(m *testing.M) {
	if why := missing(); why != "" {
		fmt.Println("engine suite not run:", why)
		os.Exit(0)
	}
	code := m.Run()
	if session != nil {
		session.Close()
	}
	os.Exit(code)
}

// missing says what the suite needs and does not find.
func missing() string {
	cli, err := exec.LookPath("dagger")
	if err != nil {
		return "dagger is not on the PATH"
	}
	// Without this variable the client would download its own.
	os.Setenv("_EXPERIMENTAL_DAGGER_CLI_BIN", cli)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, cli, "--silent", "core", "version").Output()
	if err != nil {
		return "dagger reaches no engine: `dagger core version` fails"
	}
	version = strings.TrimSpace(string(out))
	fmt.Println("engine", version)
	return ""
}

// version is that of the engine, such as v0.21.8 or v1.0.0-beta.10.
var version string

// hasWorkspaces tells whether the engine reads dagger.toml.
func hasWorkspaces() bool { return !strings.HasPrefix(version, "v0.") }

var (
	connect sync.Once
	session *dagger.Client
)

// client returns the session that the tests of the API share.
func client(t *testing.T) *dagger.Client {
	t.Helper()
	var err error
	connect.Do(func() { session, err = dagger.Connect(context.Background()) })
	require.NoError(t, err)
	require.NotNil(t, session)
	return session
}
