package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-containerregistry/pkg/crane"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/inspect/sizediff"
	"lambdas.internal/ci/tool/registry/localregistry"
)

// What is live is tagged in the private repository, also for a public image.
func TestDiffWithWhatIsLive(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	publish := []string{"publish", "--local", "--offline", "--allow-dirty", "--json", "--move-latest", "--commit"}
	decode(t, command(t, root, append(publish, "aaaaaaa")...))
	server, err := localregistry.Start(filepath.Join(root, "dist", "registry"), 0)
	require.NoError(t, err)
	for _, tag := range []string{"beta-live", "beta-123456789012-eu-central-1-live"} { // the first is from before there were sides
		require.NoError(t, crane.Tag(server.Host+"/lambda-private-light:beta-aaaaaaa", tag))
	}
	require.NoError(t, server.Close())
	require.NoError(t, os.WriteFile(filepath.Join(root, "functions/beta/main.go"), []byte("package main\n\nimport \"fmt\"\n\nfunc main() { fmt.Println() }\n"), 0o644))
	decode(t, command(t, root, append(publish, "bbbbbbb")...))

	got := command(t, root, "diff", "live", "latest", "--local", "--json")

	require.Equal(t, exitDone, got.code, got.stderr)
	var r sizediff.Report
	require.NoError(t, json.Unmarshal([]byte(got.stdout), &r))
	require.Len(t, r.Changes, 2)
	assert.Equal(t, "alpha", r.Changes[0].Image)
	assert.Nil(t, r.Changes[0].Before, "alpha is not live")
	assert.Equal(t, "beta", r.Changes[1].Image)
	assert.Positive(t, r.Changes[1].Grew)
	assert.Positive(t, *r.Changes[1].NewBlocks)
	assert.True(t, slices.ContainsFunc(r.Changes[1].Packages, func(p sizediff.Package) bool { return p.Path == "fmt" && p.Before == 0 && p.After > 0 }))
}

// Two accounts run the images: the user says which is meant.
func TestDiffWithWhatIsLiveInTwoAccounts(t *testing.T) {
	t.Parallel()
	root := publishable(t, nil)
	decode(t, command(t, root, "publish", "--local", "--offline", "--allow-dirty", "--json", "--commit", "aaaaaaa"))
	server, err := localregistry.Start(filepath.Join(root, "dist", "registry"), 0)
	require.NoError(t, err)
	for _, side := range []string{"111111111111-eu-central-1", "222222222222-us-east-1"} {
		require.NoError(t, crane.Tag(server.Host+"/lambda-private-light:beta-aaaaaaa", "beta-"+side+"-live"))
	}
	require.NoError(t, server.Close())

	got := command(t, root, "diff", "live", "latest", "--local")
	assert.Equal(t, exitUsage, got.code)
	assert.Contains(t, got.stderr, "ci: live: several accounts or regions run these images; name one: 111111111111-eu-central-1-live, 222222222222-us-east-1-live\n")
	got = command(t, root, "diff", "222222222222-us-east-1-live", "latest", "--local")
	assert.Equal(t, exitDone, got.code, got.stderr)
}
