package tool_test

import (
	"encoding/json"
	"errors"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "lambdas.internal/ci/tool/"

// stages are the folders in the order of the pipeline. A package imports from its own
// folder and from the stages before its own; folders of one stage do not know each other.
var stages = [][]string{
	{"cache", "report"},
	{"registry"},
	{"workspace"},
	{"image"},
	{"audit", "publish", "run"},
	{"attest", "deploy", "inspect"},
	{"cmd", "bench"},
}

// below says which packages of its own folder the package of a folder imports. The
// others import it, not the other way round: rules know nothing of those who carry
// them out.
var below = map[string][]string{
	"audit":    {"audit/fingerprint", "audit/secret"},
	"image":    {"image/layer"},
	"publish":  {"publish/ecrstate", "publish/reference"},
	"registry": {"registry/limit"},
}

// outside says which packages use what is outside the program: processes,
// connections, and the libraries that make them. A name that ends in / is all below it.
var outside = map[string][]string{
	"os/exec":  {"bench", "cmd/ci", "image/npm", "internal/distribution", "internal/testkit", "run/container", "run/dev", "run/invoke", "run/local", "workspace/commit", "workspace/gobuild", "workspace/scaffold"},
	"net":      {"internal/registrytest", "internal/standin", "internal/testkit", "registry", "registry/localregistry", "run/dev", "run/endpoint", "run/invoke", "run/local"},
	"net/http": {"attest/signature", "bench", "deploy/lambdaapi", "inspect/osv", "internal/awsfake", "internal/lambdafake", "internal/registrytest", "internal/sigstoretest", "internal/standin", "internal/testkit", "registry", "registry/localregistry", "run/dev", "run/endpoint", "run/invoke", "run/local", "workspace/gobuild/hello"},
	"github.com/google/go-containerregistry/pkg/v1/remote/": {"bench", "internal/testkit", "registry"},
	"github.com/aws/aws-sdk-go-v2/":                         {"cmd/ci", "deploy/alarmapi", "deploy/lambdaapi", "deploy/logsapi", "publish/awsauth", "publish/ecrapi", "publish/retention"},
	"github.com/zricethezav/gitleaks/":                      {"audit/secret"},
	"github.com/CycloneDX/cyclonedx-go":                     {"attest/sbom"},
	"github.com/sigstore/":                                  {"attest/signature", "internal/sigstoretest"},
	"github.com/spf13/cobra":                                {"cmd/ci"},
	"github.com/fsnotify/fsnotify":                          {"run/watch"},
	"golang.org/x/vuln/":                                    {"inspect/vulncheck"},
	"github.com/yuin/goldmark":                              {"internal/commandlines"},
	"mvdan.cc/sh/":                                          {"internal/commandlines"},
	"github.com/stretchr/testify/":                          {"internal/registrytest", "internal/sigstoretest", "internal/testkit"},
	"testing":                                               {"internal/awsfake", "internal/lambdafake", "internal/registrytest", "internal/sigstoretest", "internal/testkit"},
}

// joined are the packages that use nothing outside by themselves, but import a
// package of this module that does. All others work on data alone: they are given
// what is outside as a function or an interface.
var joined = []string{
	"attest/documents", "attest/verify", "audit", "deploy/plan", "image/base", "image/build", "image/ffmpeg", "image/pin",
	"inspect/coldstart", "inspect/sizediff", "inspect/vulncheck", "publish/iam", "run/executor", "workspace/adopt", "workspace/change",
}

// imports returns what each package of the module imports, without its tests: in the
// whole program, or in that of the steps.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	_ = os.Getenv("CI_SOURCES") // another value, another source: Go keeps no result for it
	found := map[string][]string{}
	for _, tags := range []string{"", "steps"} {
		list(t, tags, found)
	}
	for name, all := range found {
		slices.Sort(all)
		found[name] = slices.Compact(all)
	}
	return found
}

func list(t *testing.T, tags string, found map[string][]string) {
	t.Helper()
	cmd := exec.Command("go", "list", "-tags="+tags, "-json=ImportPath,Imports,GoFiles", "./...")
	out, err := cmd.Output()
	require.NoError(t, err)
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
			GoFiles    []string
		}
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
		if len(p.GoFiles) > 0 {
			name := strings.TrimPrefix(p.ImportPath, module)
			found[name] = append(found[name], p.Imports...)
		}
	}
}

// folder is the top folder of a package.
func folder(name string) string {
	folder, _, _ := strings.Cut(name, "/")
	return folder
}

// stage is where a package stands in the pipeline; -1 is a package of tests.
func stage(t *testing.T, name string) int {
	t.Helper()
	if folder(name) == "internal" {
		return -1
	}
	at := slices.IndexFunc(stages, func(s []string) bool { return slices.Contains(s, folder(name)) })
	require.GreaterOrEqual(t, at, 0, "%s is in a new folder: say in stages where it stands", name)
	return at
}

func TestImportsFollowThePipeline(t *testing.T) {
	found := imports(t)
	require.NotEmpty(t, found)
	for name, imported := range found {
		t.Run(name, func(t *testing.T) {
			at := stage(t, name)
			for _, i := range imported {
				own, ok := strings.CutPrefix(i, module)
				if !ok || at < 0 {
					continue
				}
				require.NotEqual(t, "internal", folder(own), "%s imports what only tests use", name)
				switch {
				case folder(own) != folder(name):
					assert.Less(t, stage(t, own), at, "%s may not import %s: it is not of an earlier stage", name, own)
				case name == folder(name):
					assert.Contains(t, below[name], own, "%s may not import %s", name, own)
				}
			}
		})
	}
	for name, all := range below {
		for _, own := range all {
			assert.Contains(t, found[name], module+own, "%s does not import %s any more: take it off the list", name, own)
		}
	}
	for _, folders := range stages {
		for _, f := range folders {
			assert.True(t, slices.ContainsFunc(slices.Collect(maps.Keys(found)), func(name string) bool { return folder(name) == f }), "no package is in %s: take it off the stages", f)
		}
	}
}

// uses tells whether the imports have what outside names.
func uses(imported []string, what string) bool {
	return slices.ContainsFunc(imported, func(i string) bool {
		return i == strings.TrimSuffix(what, "/") || strings.HasSuffix(what, "/") && strings.HasPrefix(i, what)
	})
}

func TestWhoUsesWhatIsOutside(t *testing.T) {
	found := imports(t)
	for what, users := range outside {
		for name, imported := range found {
			assert.Equal(t, slices.Contains(users, name), uses(imported, what), "%s and the users of %s do not agree", name, what)
		}
	}
}

func TestTheOthersWorkOnDataAlone(t *testing.T) {
	found := imports(t)
	edge := func(name string) bool {
		for _, what := range []string{"os/exec", "net", "net/http", "github.com/aws/aws-sdk-go-v2/"} {
			if uses(found[name], what) {
				return true
			}
		}
		return false
	}
	var reaches func(name string) bool
	reaches = func(name string) bool {
		return slices.ContainsFunc(found[name], func(i string) bool {
			own, ok := strings.CutPrefix(i, module)
			return ok && (edge(own) || reaches(own))
		})
	}
	var got []string
	for name := range found {
		if stage(t, name) >= 0 && folder(name) != "cmd" && !edge(name) && reaches(name) {
			got = append(got, name)
		}
	}
	assert.ElementsMatch(t, joined, got)
}
