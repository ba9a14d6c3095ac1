package catalog

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestDecodeOptions(t *testing.T) {
	const base = `"image": "api", "variant": "light", "registry": "private", "lambda": "A", "reason": "r"`
	for name, c := range map[string]struct {
		field string
		want  Options
		err   string
	}{
		"a package":                      {`"package": "./cmd/x"`, Options{Package: "cmd/x"}, ""},
		"a package that is this folder":  {`"package": "."`, Options{}, ""},
		"a package elsewhere":            {`"package": "../x"`, Options{}, `package: "../x" is not a folder below this one; write one such as "cmd/api"`},
		"a package of no name":           {`"package": ""`, Options{}, `package: "" is not a folder below this one; write one such as "cmd/api"`},
		"arm64":                          {`"architecture": "arm64"`, Options{Architecture: "arm64"}, ""},
		"amd64, which is the default":    {`"architecture": "amd64"`, Options{}, ""},
		"x86_64":                         {`"architecture": "x86_64"`, Options{}, `architecture: "x86_64" is not amd64 or arm64`},
		"tags":                           {`"tags": ["netgo", "a.b"]`, Options{Tags: []string{"netgo", "a.b"}}, ""},
		"a tag with a space":             {`"tags": ["a b"]`, Options{}, `tags[0]: "a b" is not a build tag; use letters, digits, _ and .`},
		"tags that are a text":           {`"tags": "netgo"`, Options{}, `tags: must be a list of strings, not "netgo"`},
		"a variable of the linker":       {`"ldflags": ["-X=main.version=1.2"]`, Options{LDFlags: []string{"-X=main.version=1.2"}}, ""},
		"another flag of the linker":     {`"ldflags": ["-extldflags=-static"]`, Options{}, `ldflags[0]: "-extldflags=-static" is not allowed: only "-X=package.variable=value", without spaces and quotes, gives the same image on every machine`},
		"two flags in one":               {`"ldflags": ["-X=main.v=1 -linkmode=external"]`, Options{}, `ldflags[0]: "-X=main.v=1 -linkmode=external" is not allowed: only "-X=package.variable=value", without spaces and quotes, gives the same image on every machine`},
		"files":                          {`"files": ["templates", "/shared/words.txt"]`, Options{Files: []string{"templates", "/shared/words.txt"}}, ""},
		"a file elsewhere":               {`"files": ["../x"]`, Options{}, `files[0]: "../x" is not in this folder; write a path relative to it, or one that begins with / for the workspace`},
		"the folder itself":              {`"files": ["."]`, Options{}, `files[0]: "." is not in this folder; write a path relative to it, or one that begins with / for the workspace`},
		"variables":                      {`"environment": {"STAGE": "prod"}`, Options{Environment: map[string]string{"STAGE": "prod"}}, ""},
		"a variable of Lambda":           {`"environment": {"AWS_REGION": "x"}`, Options{}, "environment.AWS_REGION: is a variable that Lambda, or the base, sets; choose another name"},
		"the variable of the handler":    {`"environment": {"_HANDLER": "x"}`, Options{}, "environment._HANDLER: is a variable that Lambda, or the base, sets; choose another name"},
		"a variable with a dash":         {`"environment": {"A-B": "x"}`, Options{}, "environment.A-B: is not the name of a variable; use letters, digits and _"},
		"a value of two lines":           {`"environment": {"STAGE": "a\nb"}`, Options{}, `environment.STAGE: "a\nb" must be one line of text`},
		"a value that is a number":       {`"environment": {"STAGE": 1}`, Options{}, `environment: must be an object of strings, not {"STAGE":1}`},
		"more functions":                 {`"lambdas": ["B", "C"]`, Options{Lambdas: []string{"B", "C"}}, ""},
		"a function with a wrong name":   {`"lambdas": ["B.C"]`, Options{}, `lambdas[0]: "B.C" is not a Lambda function name; use 1 to 64 letters, digits, - and _`},
		"a tenant and an alias":          {`"invoke": {"tenant": "acme: test", "qualifier": "live"}`, Options{Invoke: Invoke{Tenant: "acme: test", Qualifier: "live"}}, ""},
		"a tenant with a line":           {`"invoke": {"tenant": "a\nb"}`, Options{}, `invoke.tenant: "a\nb" is not a tenant; use 1 to 256 letters, digits, spaces and . _ : / = + - @`},
		"a qualifier that is none":       {`"invoke": {"qualifier": "a b"}`, Options{}, `invoke.qualifier: "a b" is not a version or alias; write a number, a name or $LATEST`},
		"a field of invoke":              {`"invoke": {"tenants": "a"}`, Options{}, `invoke: must be an object with "tenant" and "qualifier", not {"tenants":"a"}`},
		"memory and time":                {`"memory": 512, "timeout": 30`, Options{Memory: 512, Timeout: 30}, ""},
		"too little memory":              {`"memory": 64`, Options{}, "memory: must be 128 to 10240 MB, not 64"},
		"more time than Lambda has":      {`"timeout": 901`, Options{}, "timeout: must be 1 to 900 seconds, not 901"},
		"a time that is not a number":    {`"timeout": "30s"`, Options{}, `timeout: must be a whole number, not "30s"`},
		"memory that is half a number":   {`"memory": 128.5`, Options{}, "memory: must be a whole number, not 128.5"},
		"null":                           {`"files": null`, Options{}, "files: must be a list of strings, not null"},
		"a field twice":                  {`"memory": 128, "memory": 256`, Options{}, "memory: appears twice; keep one"},
		"a field that is nearly another": {`"environments": {}`, Options{}, `environments: is not a field of image.json (did you mean "environment"?); the fields are image, variant, registry, lambda, reason, budget, package, architecture, tags, ldflags, files, environment, lambdas, memory, timeout, invoke`},
	} {
		t.Run(name, func(t *testing.T) {
			var f Function
			problems := decode(file, []byte("{"+base+", "+c.field+"}"), &f)
			if c.err != "" {
				if assert.Len(t, problems, 1) {
					assert.EqualError(t, problems[0], file+": "+c.err)
				}
				return
			}
			assert.Empty(t, problems)
			assert.Equal(t, c.want, f.Options)
		})
	}
}

func TestFilesInTheTaskRoot(t *testing.T) {
	f := Function{Folder: "functions/x", Options: Options{Files: []string{"templates/mail", "/shared/words.txt"}}}
	assert.Equal(t, map[string]string{"templates/mail": "functions/x/templates/mail", "words.txt": "shared/words.txt"}, f.Copies())
}

func TestProgramName(t *testing.T) {
	for importPath, want := range map[string]string{
		"example.com/a": "a", "example.com/a/cmd/api": "api", "example.com/a/v2": "a", "v2": "v2", "example.com/cmd/v3": "cmd",
	} {
		assert.Equal(t, want, programName(importPath), importPath)
	}
}
