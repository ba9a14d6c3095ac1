package adopt_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/adopt"
	"lambdas.internal/ci/tool/workspace/catalog"
)

const (
	function = "package main\n\nimport \"github.com/aws/aws-lambda-go/lambda\"\n\nfunc main() { lambda.Start(nil) }\n"
	program  = "package main\n\nfunc main() {}\n"
	mod      = "module example.com/x\n\ngo 1.24\n\nrequire github.com/aws/aws-lambda-go v1.47.0\n"
)

// found writes each function as name:variant:architecture:folder.
func found(p *adopt.Proposal) (all []string) {
	for _, f := range p.Functions {
		all = append(all, strings.Join([]string{f.Image, string(f.Variant), f.Arch(), f.Folder}, ":"))
	}
	return all
}

func TestPropose(t *testing.T) {
	for name, c := range map[string]struct {
		files    map[string]string
		want     []string
		patterns []string
		ffmpeg   string
		says     []string // lines of the report
	}{
		"names from folders that say something": {map[string]string{
			"go.mod": mod, "services/orders/cmd/main.go": function, "services/users/lambda/main.go": function, "Resize_Image/main.go": function, "greet-lambda/main.go": function,
		}, []string{"resize-image:light:amd64:Resize_Image", "greet:light:amd64:greet-lambda", "orders:light:amd64:services/orders/cmd", "users:light:amd64:services/users/lambda"},
			[]string{"Resize_Image", "greet-lambda", "services/orders/*", "services/users/*"}, "none", nil},
		"names that are the same": {map[string]string{
			"go.mod": mod, "a/send/main.go": function, "b/send/main.go": function,
		}, []string{"send:light:amd64:a/send", "b-send:light:amd64:b/send"}, []string{"a/*", "b/*"}, "none", nil},
		"a main at the root": {map[string]string{"go.mod": mod, "main.go": function}, []string{"x:light:amd64:."}, []string{"."}, "none", nil},
		"other programs, tests, vendored and generated code": {map[string]string{
			"go.mod": mod, "cmd/api/main.go": function, "cmd/tool/main.go": program, "cmd/api/gen.go": "//go:build ignore\n\npackage main\n\nimport \"github.com/aws/aws-lambda-go/lambda\"\n",
			"vendor/v/main.go": function, "cmd/windows/main_windows.go": function, "testdata/x/main.go": function, "cmd/broken/main.go": "package",
		}, []string{"api:light:amd64:cmd/api"}, []string{"cmd/*", "!cmd/tool"}, "none", []string{"no function, does not use aws-lambda-go: cmd/tool"}},
		"the library in a package": {map[string]string{
			"go.mod": mod, "cmd/api/main.go": "package main\n\nimport \"example.com/x/internal/boot\"\n\nfunc main() { boot.Start() }\n",
			"internal/boot/boot.go": "package boot\n\nimport \"github.com/aws/aws-lambda-go/lambda\"\n\nfunc Start() { lambda.Start(nil) }\n",
		}, []string{"api:light:amd64:cmd/api"}, []string{"cmd/*"}, "none", nil},
		"ffmpeg in a package": {map[string]string{
			"go.mod": mod, "cmd/api/main.go": function, "cmd/thumb/main.go": strings.Replace(function, "import ", "import _ \"example.com/x/media\"\n\nimport ", 1),
			"media/media.go": "package media\n\nimport \"os/exec\"\n\nvar c = exec.Command(\"/usr/local/bin/ffmpeg\")\n",
		}, []string{"api:light:amd64:cmd/api", "thumb:heavy:amd64:cmd/thumb"}, []string{"cmd/*"}, "media",
			[]string{"decide: variant: thumb is heavy, with ffmpeg in its image, because its sources name that program"}},
		"two architectures": {map[string]string{"go.mod": mod, "cmd/api/main.go": function, "Makefile": "GOARCH=arm64\n", "template.yaml": "Architectures: [x86_64]\n"},
			[]string{"api:light:amd64:cmd/api"}, []string{"cmd/*"}, "none",
			[]string{`decide: architecture: Makefile says arm64, template.yaml says amd64; the images are for amd64 until image.json says "architecture": "arm64"`}},
		"an old library, and no module": {map[string]string{"a/go.mod": strings.Replace(mod, "v1.47.0", "v1.13.0", 1), "a/main.go": function, "b/main.go": function},
			[]string{"a:light:amd64:a", "b:light:amd64:b"}, []string{"a", "b"}, "none", []string{
				"missing: a/go.mod: require github.com/aws/aws-lambda-go v1.13.0: it does not know the Lambda Runtime API; run: go -C a get github.com/aws/aws-lambda-go@latest",
				"missing: b: has no go.mod, here or above; run: go mod init"}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			testkit.Write(t, root, c.files)

			p, err := adopt.Propose(root, "go1.26.8")
			require.NoError(t, err)

			assert.Equal(t, c.want, found(p))
			require.NoError(t, p.Write(root))
			var pipeline catalog.Pipeline
			require.NoError(t, catalog.ReadJSON(root, catalog.PipelineFile, &pipeline))
			assert.Equal(t, c.patterns, pipeline.Functions)
			assert.Equal(t, c.ffmpeg, string(pipeline.FFmpeg))
			assert.Equal(t, "go1.26.8", pipeline.Toolchain)
			var b bytes.Buffer
			require.NoError(t, p.Table(&b))
			for _, line := range c.says {
				assert.Contains(t, b.String(), line+"\n")
			}
			p.Check(root)
			missing := 0
			for _, line := range c.says {
				if strings.HasPrefix(line, "missing: ") {
					missing++
				}
			}
			if missing == 0 {
				assert.Empty(t, p.Missing, "the catalog accepts what was written")
			}
		})
	}
}

// What is there stays as it is; a toolchain that is pinned is not pinned again.
func TestProposeWhereSomeIsThere(t *testing.T) {
	root := t.TempDir()
	const described = `{"image": "mine", "variant": "light", "registry": "public", "lambda": "Mine", "reason": "r"}`
	testkit.Write(t, root, map[string]string{"go.mod": mod + "\ntoolchain go1.26.7\n", "cmd/a/main.go": function, "cmd/a/image.json": described, "cmd/b/main.go": function})

	p, err := adopt.Propose(root, "go1.26.8")
	require.NoError(t, err)
	require.NoError(t, p.Write(root))

	assert.Equal(t, []string{"b:light:amd64:cmd/b"}, found(p))
	assert.Equal(t, []string{"cmd/a"}, p.Known)
	assert.JSONEq(t, described, testkit.Tree(t, root)["cmd/a/image.json"])
	var pipeline catalog.Pipeline
	require.NoError(t, catalog.ReadJSON(root, catalog.PipelineFile, &pipeline))
	assert.Empty(t, pipeline.Toolchain)
	c, err := catalog.Load(root)
	require.NoError(t, err)
	assert.Equal(t, "go1.26.7", c.Toolchain)
	encoded, err := json.Marshal(p)
	require.NoError(t, err)
	assert.Contains(t, string(encoded), `"known":["cmd/a"]`)
}

func TestProposeWithoutFunctions(t *testing.T) {
	root := t.TempDir()
	testkit.Write(t, root, map[string]string{"go.mod": mod, "main.go": program})

	p, err := adopt.Propose(root, "go1.26.8")
	require.NoError(t, err)

	require.EqualError(t, p.Write(root), "nothing was written: no program here imports github.com/aws/aws-lambda-go/lambda, so there is no function; run init in the repository that has them")
	assert.NotContains(t, testkit.Tree(t, root), catalog.PipelineFile)
}
