package tool_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

const module = "lambdas.internal/ci/tool/"

// mayImport is the direction of imports: what a package may use of this module,
// directly. Whoever adds a package, or turns an import round, says so here.
var mayImport = map[string][]string{
	// The core: descriptions and bytes, without processes and networks.
	"catalog": nil,
	"report":  nil,
	"cache":   nil,
	"layer":   {"cache"},
	"lock":    {"cache", "catalog"},
	"image":   {"catalog", "layer"},
	"layout":  {"cache", "image"},
	"notice":  {"layer", "purl"},
	"purl":    nil,
	// The edges: each knows one thing outside.
	"registry": nil,
	"npm":      {"lock"},
	"gobuild":  {"cache", "catalog"},
	// What joins them.
	"pin":    {"cache", "image", "lock", "registry"},
	"base":   {"cache", "image", "layer", "layout", "pin", "registry"},
	"ffmpeg": {"cache", "image", "layer", "lock", "notice", "npm", "pin", "registry"},
	"build":  {"base", "cache", "catalog", "ffmpeg", "gobuild", "image", "layer", "layout", "lock", "pin"},
	// What makes functions.
	"scaffold": {"catalog"},
	// What runs images.
	"rootfs": {"layout"},
	"invoke": {"image"},
	"local":  {"catalog", "invoke", "rootfs"},
	// What is published, and where.
	"secret":        nil,
	"commit":        nil,
	"localregistry": nil,
	"audit":         {"cache", "catalog", "gobuild", "image", "layer", "layout", "notice", "secret"},
	"release":       {"cache", "catalog", "image", "layout", "lock", "referrer"},
	"awsauth":       {"release"},
	"repositories":  {"catalog", "registry", "release"},
	"retention":     {"catalog", "referrer", "release"},
	// What images are made of, and what became of it.
	"stored":    {"cache", "image", "layer", "layout"},
	"sizediff":  {"image", "report"},
	"vulncheck": {"cache", "catalog", "gobuild"},
	// What is known of an image, and goes with it.
	"contents":   {"image"},
	"sbom":       {"contents", "image", "notice", "purl"},
	"provenance": {"contents", "image", "notice", "purl"},
	"referrer":   nil,
	"verify":     {"contents", "image", "release"},
	// What runs, and the way there.
	"deploy":    {"release"},
	"lambdaapi": {"deploy"},
	"change":    {"catalog", "gobuild", "lock"},
	// What it costs.
	"cost":      {"catalog", "release"},
	"inventory": {"catalog", "cost", "referrer", "release"},
	"picture":   {"catalog", "cost", "report"},
	"record":    nil,
	"status":    {"deploy", "record", "release"},
	// Tests only.
	"internal/awsfake":      nil,
	"internal/registrytest": {"cache", "catalog", "image", "layer", "layout", "localregistry"},
	"internal/commandlines": nil,
	"internal/lambdafake":   nil,
	"internal/testkit":      {"cache", "catalog", "image", "layer", "lock"},
}

// commands may use all that is not a command.
var commands = []string{"cmd/ci", "bench"}

// outside says who may use what is outside the program.
var outside = map[string][]string{
	"os/exec":  {"bench", "commit", "gobuild", "internal/testkit", "invoke", "local", "npm", "scaffold"},
	"net/http": {"internal/awsfake", "bench", "internal/lambdafake", "internal/testkit", "invoke", "lambdaapi", "local", "localregistry", "registry", "internal/registrytest"},
	"net":      {"bench", "internal/testkit", "invoke", "local", "localregistry", "registry", "internal/registrytest", "release"},
	"github.com/google/go-containerregistry/pkg/v1/remote":           {"bench", "registry", "internal/testkit"},
	"github.com/google/go-containerregistry/pkg/v1/remote/transport": {"registry"},
	"github.com/CycloneDX/cyclonedx-go":                              {"cmd/ci", "sbom"},
	"github.com/spf13/cobra":                                         {"cmd/ci"},
	"github.com/yuin/goldmark":                                       {"internal/commandlines"},
	"mvdan.cc/sh/v3/syntax":                                          {"internal/commandlines"},
	"github.com/stretchr/testify/require":                            {"internal/testkit", "internal/registrytest"},
	"golang.org/x/vuln/scan":                                         {"vulncheck"},
	"testing":                                                        {"internal/awsfake", "internal/lambdafake", "internal/testkit", "internal/registrytest"},
}

// imports returns what each package of the module imports, without its tests.
func imports(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,GoFiles", "./...")
	out, err := cmd.Output()
	require.NoError(t, err)
	found := map[string][]string{}
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
			GoFiles    []string
		}
		err := d.Decode(&p)
		if errors.Is(err, io.EOF) {
			return found
		}
		require.NoError(t, err)
		if len(p.GoFiles) > 0 {
			found[strings.TrimPrefix(p.ImportPath, module)] = p.Imports
		}
	}
}

func TestTheDirectionOfImports(t *testing.T) {
	found := imports(t)
	require.NotEmpty(t, found)
	for name, imported := range found {
		t.Run(name, func(t *testing.T) {
			allowed, ok := mayImport[name]
			command := slices.Contains(commands, name)
			require.True(t, ok || command, "a new package: add it to the table")
			for _, i := range imported {
				own, ok := strings.CutPrefix(i, module)
				switch {
				case ok && command:
					assert.NotContains(t, commands, own, "%s may not import %s", name, own)
				case ok:
					assert.Contains(t, allowed, own, "%s may not import %s", name, own)
				}
				if users, ok := outside[i]; ok {
					assert.Contains(t, users, name, "%s may not import %s", name, i)
				}
			}
			for _, a := range allowed {
				assert.Contains(t, imported, module+a, "%s does not import %s any more: take it off the table", name, a)
			}
		})
	}
	for name := range mayImport {
		assert.Contains(t, found, name, "the package is gone: take it off the table")
	}
}

// The table itself must be one of layers: nobody imports a command, no circle.
func TestTheTableOfImports(t *testing.T) {
	var visit func(path []string)
	visit = func(path []string) {
		last := path[len(path)-1]
		require.False(t, slices.Contains(path[:len(path)-1], last), "a circle: %v", path)
		for _, next := range mayImport[last] {
			assert.NotContains(t, commands, next, "%s imports a command", last)
			assert.False(t, strings.HasPrefix(next, "internal/"), "%s imports a test kit", last)
			visit(append(slices.Clone(path), next))
		}
	}
	for name := range mayImport {
		visit([]string{name})
	}
	for _, core := range []string{"catalog", "image", "layer", "lock", "report", "cache", "layout", "sizediff"} {
		reaches(t, core, func(name string) {
			assert.NotContains(t, []string{"registry", "npm", "gobuild", "pin", "base", "ffmpeg", "build"}, name, "%s reaches an edge", core)
		})
	}
}

func reaches(t *testing.T, name string, call func(string)) {
	t.Helper()
	for _, next := range mayImport[name] {
		call(next)
		reaches(t, next, call)
	}
}
