package catalog_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"lambdas.internal/ci/tool/internal/testkit"
	"lambdas.internal/ci/tool/workspace/catalog"
)

// schema makes the JSON Schema of the Go type.
func schema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	none := any(catalog.None)
	s, err := jsonschema.For[catalog.Pipeline](&jsonschema.ForOptions{TypeSchemas: map[reflect.Type]*jsonschema.Schema{
		reflect.TypeFor[catalog.Paths](): {AnyOf: []*jsonschema.Schema{
			{Const: &none},
			{Type: "array", Items: &jsonschema.Schema{Type: "string"}, MinItems: jsonschema.Ptr(1)},
		}},
	}})
	require.NoError(t, err)
	s.Schema, s.Title = "https://json-schema.org/draft/2020-12/schema", catalog.PipelineFile
	clear(s)
	return s
}

// clear takes null away: the program does not read it as a value.
func clear(s *jsonschema.Schema) {
	if len(s.Types) == 2 && s.Types[0] == "null" {
		s.Type, s.Types = s.Types[1], nil
	}
	for _, of := range s.Properties {
		clear(of)
	}
	if s.AdditionalProperties != nil {
		clear(s.AdditionalProperties)
	}
}

func TestTheSchemaIsThatOfTheType(t *testing.T) {
	want, err := json.MarshalIndent(schema(t), "", "  ")
	require.NoError(t, err)
	want = append(want, '\n')
	testkit.Golden(t, "../pipeline.schema.json", want)
}

func TestTheSchemaAcceptsTheFile(t *testing.T) {
	var s jsonschema.Schema
	require.NoError(t, json.Unmarshal(catalog.Schema, &s))
	resolved, err := s.Resolve(nil)
	require.NoError(t, err)
	valid := func(content string) error {
		var value any
		require.NoError(t, json.Unmarshal([]byte(content), &value))
		return resolved.Validate(value)
	}

	require.NoError(t, valid(string(testkit.Source(t, "../../../..", catalog.PipelineFile))))
	require.NoError(t, valid(`{"proprietary": "none", "environments": {"a": {"region": "x"}, "b": {"regions": ["x", "y"]}}}`))
	for _, wrong := range []string{`{"keeps": 5}`, `{"keep": "5"}`, `{"proprietary": []}`, `{"proprietary": "shared"}`, `{"environments": {"a": {"zone": "x"}}}`, `{"keep": null}`} {
		require.Error(t, valid(wrong), wrong)
	}
}

func TestLoadPipeline(t *testing.T) {
	p, err := catalog.LoadPipeline(t.TempDir())
	require.NoError(t, err)
	assert.Equal(t, []string{"functions/*"}, p.Functions)
	assert.Equal(t, []string{"shared/proprietary"}, p.Proprietary.Folders())
	assert.Equal(t, "shared/ffmpeg", p.FFmpeg.Folder())
	assert.Equal(t, 5, p.Keep)
	assert.Equal(t, catalog.Repositories{}.Name(catalog.Private, catalog.Heavy), p.Repositories.Name(catalog.Private, catalog.Heavy))

	root := t.TempDir()
	testkit.Write(t, root, map[string]string{catalog.PipelineFile: `{
		"$schema": "x", "functions": ["cmd/*", "!cmd/tool"], "proprietary": "none", "ffmpeg": "none", "keep": 3,
		"repositories": {"private": {"light": "team/light"}}, "environments": {"prod": {"region": "eu-central-1", "alias": "live"}}}`})
	p, err = catalog.LoadPipeline(root)
	require.NoError(t, err)
	assert.Equal(t, []string{"cmd/*", "!cmd/tool"}, p.Functions)
	assert.Empty(t, p.Proprietary.Folders())
	assert.Empty(t, p.FFmpeg.Folder())
	assert.Equal(t, 3, p.Keep)
	assert.Equal(t, "team/light", p.Repositories.Name(catalog.Private, catalog.Light))
	assert.Equal(t, "lambda-private-heavy", p.Repositories.Name(catalog.Private, catalog.Heavy), "what it does not say has its default")
	prod, err := p.Environment("prod")
	require.NoError(t, err)
	assert.Equal(t, map[string]string{"region": "eu-central-1", "alias": "live"}, prod.Flags())
	_, err = p.Environment("prd")
	require.EqualError(t, err, `no environment is named "prd" (did you mean "prod"?); those in ci/pipeline.json are prod`)
}

// Each flag has a field, and the other way round.
func TestFlagsOfAnEnvironment(t *testing.T) {
	e := catalog.Environment{}
	of := reflect.ValueOf(&e).Elem()
	for n := range of.NumField() {
		if of.Field(n).Kind() == reflect.String {
			of.Field(n).SetString(of.Type().Field(n).Name)
		}
	}
	assert.Len(t, e.Flags(), of.NumField()-1)
	e.Region, e.Regions = "", []string{"eu-central-1", "us-east-1"}
	assert.Len(t, e.Flags(), of.NumField()-1, "regions is region too")
	assert.Equal(t, "eu-central-1,us-east-1", e.Flags()["region"])
}

func TestLoadPipelineRefuses(t *testing.T) {
	const at = catalog.PipelineFile + ": "
	for name, c := range map[string]struct{ content, want string }{
		"an unknown field": {`{"functons": []}`,
			`functons: is not a field of this file (did you mean "functions"?); the fields are $schema, functions, proprietary, ffmpeg, repositories, tags, keep, lambdaPrefix, toolchain, identity, environments`},
		"an unknown field below":   {`{"environments": {"prod": {"regoin": "x"}}}`, `environments.prod.regoin: is not a field of environments.prod (did you mean "region"?); the fields are account, region, regions, alias, publicAlias, privateRegistry, publicRegistry`},
		"a field twice":            {`{"keep": 5, "keep": 6}`, "keep: appears twice; keep one"},
		"null":                     {`{"keep": null}`, "keep: is null; leave it out, or give it a value"},
		"another type":             {`{"keep": "5"}`, "keep: must be a number, not this: string"},
		"another type below":       {`{"repositories": {"private": {"light": 1}}}`, "repositories.private.light: must be a string, not this: number"},
		"no object":                {`[]`, "must be a JSON object, not this: array"},
		"no JSON":                  {"{\n\"keep\": 5,\n}", "line 3: not valid JSON: invalid character '}' looking for beginning of object key string"},
		"a folder outside":         {`{"functions": ["../x/*"]}`, `functions[0]: "../x/*" is not a folder of the workspace; write it relative to the workspace, with /, such as "shared/x"`},
		"a bad pattern":            {`{"functions": ["x/["]}`, `functions[0]: "x/[" is not a pattern; write one such as "functions/*"`},
		"no proprietary folders":   {`{"proprietary": []}`, `must be a list of folders, or "none"`},
		"none in a list":           {`{"proprietary": ["none", "x"]}`, `proprietary: "none" stands alone, not in a list; write "proprietary": "none"`},
		"a proprietary folder out": {`{"proprietary": ["/x"]}`, `proprietary[0]: "/x" is not a folder of the workspace; write it relative to the workspace, with /, such as "shared/x"`},
		"a repository":             {`{"repositories": {"public": {"light": "A"}}}`, `repositories.public.light: "A" is not the name of a repository; use lower-case letters, digits and single . _ - between them`},
		"one name for two":         {`{"repositories": {"public": {"light": "x"}, "private": {"heavy": "x"}}}`, `repositories.public.light: "x" is the name of repositories.private.heavy too; a private and a public repository need different names, because one registry may hold both`},
		"a tag without a commit":   {`{"tags": {"commit": "{name}-x"}}`, `tags.commit: "{name}-x" is not a pattern; write {name}, then at most 8 characters of a-z, 0-9, . _ and - that begin and end with . _ or -, then {commit}, such as "{name}-{commit}"`},
		"a tag without a name":     {`{"tags": {"latest": "latest"}}`, `tags.latest: "latest" is not a pattern; write {name}, then at most 42 characters of a-z, 0-9, . _ and - that begin with . _ or -, such as "{name}-latest"`},
		"a tag like a live one":    {`{"tags": {"latest": "{name}-live"}}`, `tags.latest: "{name}-live" has the form of another tag; write another text after {name}, such as "{name}-latest"`},
		"a tag like a commit's":    {`{"tags": {"latest": "{name}-decade0"}}`, `tags.latest: "{name}-decade0" has the form of another tag; write another text after {name}, such as "{name}-latest"`},
		"nothing kept":             {`{"keep": 0}`, "keep: must be 1 to 1000, not 0"},
		"a prefix":                 {`{"lambdaPrefix": "a*"}`, `lambdaPrefix: "a*" is not the beginning of a function's name; use letters, digits, - and _`},
		"a toolchain":              {`{"toolchain": "1.26.8"}`, `toolchain: "1.26.8" is not a Go version; write one such as "go1.26.8"`},
		"an identity":              {`{"identity": "us"}`, `identity: "us" is not a URI; write one such as "https://example.com/pipeline"`},
		"an account":               {`{"environments": {"p": {"account": "1"}}}`, `environments.p.account: "1" is not an AWS account; write its 12 digits`},
		"an account and a host":    {`{"environments": {"p": {"account": "123456789012", "privateRegistry": "x.test"}}}`, `environments.p.account: has no effect beside privateRegistry, which names the account; leave one out`},
		"an alias and a host":      {`{"environments": {"p": {"publicAlias": "a", "publicRegistry": "x.test"}}}`, `environments.p.publicAlias: has no effect beside publicRegistry, which names the alias; leave one out`},
		"a registry":               {`{"environments": {"p": {"publicRegistry": "https://x.test"}}}`, `environments.p.publicRegistry: "https://x.test" is not the name of a registry; write host[:port][/path]`},
		"no regions":               {`{"environments": {"p": {"regions": []}}}`, `environments.p.regions: is empty; name the regions in the order of release, or leave it out`},
		"no region":                {`{"environments": {"p": {"regions": ["Frankfurt"]}}}`, `environments.p.regions: "Frankfurt" is not an AWS region; write names such as eu-central-1`},
		"two regions in one":       {`{"environments": {"p": {"regions": ["eu-central-1,us-east-1"]}}}`, `environments.p.regions: "eu-central-1,us-east-1" is not an AWS region; write names such as eu-central-1`},
		"a region twice":           {`{"environments": {"p": {"regions": ["eu-central-1", "us-east-1", "eu-central-1"]}}}`, `environments.p.regions: eu-central-1 is there twice; name each region once`},
		"a region and regions":     {`{"environments": {"p": {"region": "eu-central-1", "regions": ["us-east-1"]}}}`, `environments.p.regions: cannot stand beside region; leave one out`},
		"regions, and the registry of one": {`{"environments": {"p": {"regions": ["eu-central-1", "us-east-1"], "privateRegistry": "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team"}}}`,
			`environments.p.privateRegistry: "123456789012.dkr.ecr.eu-central-1.amazonaws.com/team" is the registry of one region; write {region} in place of it, or name the account with account`},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			testkit.Write(t, root, map[string]string{catalog.PipelineFile: c.content})

			_, err := catalog.LoadPipeline(root)

			require.EqualError(t, err, at+c.want)
		})
	}
}
