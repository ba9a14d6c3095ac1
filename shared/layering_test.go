package shared_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "lambdas.internal/shared"

// functions returns the variant and registry in the image.json of each function, by folder.
func functions(t *testing.T) map[string]struct{ Variant, Registry string } {
	t.Helper()
	files, err := filepath.Glob("../functions/*/image.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	found := map[string]struct{ Variant, Registry string }{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		require.NoError(t, err)
		var image struct{ Variant, Registry string }
		require.NoError(t, json.Unmarshal(data, &image), file)
		found[filepath.Dir(file)] = image
	}
	return found
}

// dependencies returns the packages that are linked into the binary of a folder.
func dependencies(t *testing.T, folder string) []string {
	t.Helper()
	cmd := exec.Command("go", "list", "-deps", "-tags", "lambda.norpc", ".")
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOWORK=off", "CGO_ENABLED=0")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	require.NoError(t, err, stderr.String())
	return strings.Fields(string(output))
}

func reaches(deps []string, prefix string) bool {
	return slices.ContainsFunc(deps, func(dep string) bool { return dep == prefix || strings.HasPrefix(dep, prefix+"/") })
}

func TestImagesHoldOnlyWhatIsAllowed(t *testing.T) {
	for folder, image := range functions(t) {
		t.Run(filepath.Base(folder), func(t *testing.T) {
			deps := dependencies(t, folder)
			assert.Equal(t, image.Variant == "heavy", reaches(deps, module+"/ffmpeg"), "ffmpeg is in the image if and only if the binary runs it")
			if image.Registry == "public" {
				assert.False(t, reaches(deps, module+"/proprietary"), "a public image holds nothing proprietary")
			}
			for _, testOnly := range []string{"awstest", "geminitest", "mediatest", "leaktest", "lambdatest", "openapitest"} {
				assert.False(t, reaches(deps, module+"/"+testOnly), testOnly)
			}
		})
	}
}

// clients are the service clients, each with the packages that may import it. No
// other package may, so that a function's binary holds only the clients it uses. No
// package may import the SDK's own config package, which links the clients of SSO and
// STS; see awsenv.
var clients = map[string][]string{
	"github.com/aws/aws-sdk-go-v2/service/s3":       {"storage", "presign", "processor"},
	"github.com/aws/aws-sdk-go-v2/service/dynamodb": {"table", "sessions", "jobs", "processor"},
	"github.com/aws/aws-sdk-go-v2/service/lambda":   {"invoke"},
	"github.com/aws/aws-sdk-go-v2/service/ssm":      {"apikey", "gemini"},
	"github.com/aws/aws-sdk-go-v2/config":           nil,
}

func TestPackagesLinkOnlyTheClientOfTheirRole(t *testing.T) {
	folders, err := filepath.Glob("*/*.go")
	require.NoError(t, err)
	roles := map[string]bool{}
	for _, file := range folders {
		if role := filepath.Dir(file); role != "awstest" && role != "mediatest" {
			roles[role] = true
		}
	}
	for role := range roles {
		deps := dependencies(t, role)
		for client, users := range clients {
			assert.Equal(t, slices.Contains(users, role), reaches(deps, client), "%s and %s", role, client)
		}
	}
}
