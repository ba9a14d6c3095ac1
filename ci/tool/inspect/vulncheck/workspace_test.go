package vulncheck_test

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// mains has functions that use words.Shout, which is vulnerable, in different ways.
var mains = map[string]string{
	"called":   "package main\n\nimport \"example.test/words\"\n\nfunc main() { println(say()) }\n\nfunc say() string { return words.Shout(\"called\") }\n",
	"imported": "package main\n\nimport \"example.test/words\"\n\nfunc main() { println(words.Greet(\"imported\")) }\n",
	"required": "package main\n\nimport \"example.test/words/quiet\"\n\nfunc main() { println(quiet.Hush()) }\n",
	"stranger": "package main\n\nfunc main() { println(\"stranger\") }\n",
	// The Lambda library calls these two by reflection.
	"direct": "package main\n\nimport (\n\t\"example.test/words\"\n\t\"github.com/aws/aws-lambda-go/lambda\"\n)\n\nfunc main() { lambda.Start(handle) }\n\nfunc handle() { println(words.Shout(\"direct\")) }\n",
	"booted": "package main\n\nimport (\n\t\"example.test/words\"\n\t\"lambdas.internal/shared/boot\"\n)\n\nfunc main() { boot.Start(handle) }\n\nfunc handle() string { return words.Shout(\"booted\") }\n",
	// A file that is not part of the build does not count.
	"tagged": "package main\n\nfunc main() { println(\"tagged\") }\n",
}

const boot = `// Package boot starts functions.
package boot

import "github.com/aws/aws-lambda-go/lambda"

// Function is a handler.
type Function struct{ handle func() string }

// Invoke calls the handler.
func (f *Function) Invoke() { println(f.handle()) }

// Start starts a function.
func Start(handle func() string) { lambda.Start((&Function{handle}).Invoke) }
`

// workspace writes the named functions.
func workspace(t *testing.T, names ...string) *catalog.Catalog {
	t.Helper()
	testkit.ServeModules(t)
	root := t.TempDir()
	work := "go 1.26.1\n\ntoolchain " + testkit.Toolchain() + "\n\nuse ./shared\n"
	const lambda, words, shared = "require github.com/aws/aws-lambda-go v1.55.0", "require example.test/words v1.0.0", "require lambdas.internal/shared v0.0.0"
	files := map[string]string{
		"shared/go.mod":       testkit.GoMod("lambdas.internal/shared", lambda),
		"shared/boot/boot.go": boot,
	}
	for _, name := range names {
		f := catalog.Function{Folder: "functions/" + name + "-lambda", Image: name, Variant: catalog.Light, Registry: catalog.Private, Lambda: "The" + name}
		work += "\nuse ./" + f.Folder + "\n"
		files[f.Folder+"/image.json"] = testkit.Description(t, f)
		files[f.Folder+"/main.go"] = mains[name]
		requirements := []string{"replace lambdas.internal/shared => ../../shared"}
		for _, r := range []struct{ sign, line string }{{"aws-lambda-go", lambda}, {"words", words}, {"shared/boot", shared}} {
			if strings.Contains(mains[name], r.sign) || name == "tagged" && r.line == words {
				requirements = append(requirements, r.line)
			}
		}
		files[f.Folder+"/go.mod"] = testkit.GoMod("lambdas.internal/"+f.Folder, requirements...)
	}
	if slices.Contains(names, "tagged") {
		files["functions/tagged-lambda/rpc.go"] = "//go:build !lambda.norpc\n\npackage main\n\nimport \"example.test/words\"\n\nfunc init() { println(words.Shout(\"rpc\")) }\n"
		files["functions/tagged-lambda/rpc_arm64.go"] = "package main\n\nimport \"example.test/words\"\n\nfunc init() { println(words.Shout(\"arm64\")) }\n"
	}
	files["go.work"] = work
	testkit.Write(t, root, files)
	for _, dir := range append(names, "shared") {
		if dir != "shared" {
			dir = "functions/" + dir + "-lambda"
		}
		testkit.Tidy(t, filepath.Join(root, filepath.FromSlash(dir)))
	}
	c, err := catalog.Load(root)
	require.NoError(t, err)
	return c
}
