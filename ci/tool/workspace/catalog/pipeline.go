package catalog

import (
	"cmp"
	_ "embed" // the schema
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"

	ref "github.com/google/go-containerregistry/pkg/name"
)

// PipelineFile is the file, relative to the workspace root, that says what is particular to
// a workspace. Every field has a default; without the file all have.
const PipelineFile = "ci/pipeline.json"

// SchemaFile is the JSON Schema of [PipelineFile], relative to the workspace root, where
// `bin/ci init` puts it. Schema is its content.
const SchemaFile = "ci/pipeline.schema.json"

// Schema is the JSON Schema of [PipelineFile], made from [Pipeline].
//
//go:embed pipeline.schema.json
var Schema []byte

// Pipeline is what is particular to a workspace.
type Pipeline struct {
	Schema       string                 `json:"$schema,omitempty" jsonschema:"the JSON Schema of this file, for editors"`
	Functions    []string               `json:"functions,omitempty" jsonschema:"where the functions are: globs of their folders, relative to the workspace; one that begins with ! leaves folders out. Default: functions/*"`
	Proprietary  Paths                  `json:"proprietary,omitempty" jsonschema:"folders whose content may never be in a public image, or none. Default: shared/proprietary"`
	FFmpeg       Path                   `json:"ffmpeg,omitempty" jsonschema:"folder of the package that runs ffmpeg: what imports it needs the variant heavy, and nothing else; or none, then the variant alone decides. Default: shared/ffmpeg"`
	Repositories Repositories           `json:"repositories,omitzero" jsonschema:"names of the repositories, without their registry"`
	Tags         Tags                   `json:"tags,omitzero" jsonschema:"patterns of the tags of an image"`
	Keep         int                    `json:"keep,omitempty" jsonschema:"how many images of each name retention keeps. Default: 5"`
	LambdaPrefix string                 `json:"lambdaPrefix,omitempty" jsonschema:"what the names of all functions in AWS begin with; the IAM policies allow these functions. Default: the policies list the functions"`
	Toolchain    string                 `json:"toolchain,omitempty" jsonschema:"Go toolchain that builds the images, such as go1.26.8, where go.work and go.mod pin none"`
	Identity     string                 `json:"identity,omitempty" jsonschema:"URI with which the provenance names this pipeline: its build type, and its builder where no CI service is one. Default: https://lambdas.internal/ci"`
	Environments map[string]Environment `json:"environments,omitempty" jsonschema:"values of flags by the name of an environment, for --env NAME"`
}

// Repositories are the names of repositories, by registry and variant.
type Repositories struct {
	Private Variants `json:"private,omitzero" jsonschema:"at ECR. Default: lambda-private-light and lambda-private-heavy"`
	Public  Variants `json:"public,omitzero" jsonschema:"at ECR Public. Default: lambda-light and lambda-heavy"`
}

// Variants are the names of the repositories of one registry.
type Variants struct {
	Light string `json:"light,omitempty" jsonschema:"of images without ffmpeg"`
	Heavy string `json:"heavy,omitempty" jsonschema:"of images with ffmpeg"`
}

// Environment has the values of flags; each flag has the name of its field, in kebab-case.
type Environment struct {
	Account string `json:"account,omitempty" jsonschema:"AWS account of the registry, for --account"`
	Region  string `json:"region,omitempty" jsonschema:"AWS region, for --region"`
	// Regions is a list, in place of Region.
	Regions         []string `json:"regions,omitempty" jsonschema:"several AWS regions in the order of release, for --region"`
	Alias           string   `json:"alias,omitempty" jsonschema:"alias of the functions that deploy moves, for --alias"`
	PublicAlias     string   `json:"publicAlias,omitempty" jsonschema:"alias at ECR Public, for --public-alias"`
	PrivateRegistry string   `json:"privateRegistry,omitempty" jsonschema:"private registry, host[:port][/path], for --private-registry; {region} in the name of one of ECR is the region"`
	PublicRegistry  string   `json:"publicRegistry,omitempty" jsonschema:"public registry, host[:port][/path], for --public-registry"`
}

// Flags are the values of an environment by the name of their flag.
func (e Environment) Flags() map[string]string {
	flags := map[string]string{
		"account": e.Account, "region": cmp.Or(e.Region, strings.Join(e.Regions, ",")), "alias": e.Alias, "public-alias": e.PublicAlias,
		"private-registry": e.PrivateRegistry, "public-registry": e.PublicRegistry,
	}
	maps.DeleteFunc(flags, func(_, value string) bool { return value == "" })
	return flags
}

// None is the value of a field for a thing that the workspace does not have.
const None = "none"

// Path is a folder of the workspace, or [None].
type Path string

// Paths are folders of the workspace, or [None] alone.
type Paths []string

// UnmarshalJSON reads a list of folders, or "none".
func (p *Paths) UnmarshalJSON(data []byte) error {
	if string(data) == `"`+None+`"` {
		*p = Paths{None}
		return nil
	}
	var all []string
	if err := json.Unmarshal(data, &all); err != nil || len(all) == 0 {
		return fmt.Errorf(`must be a list of folders, or %q`, None)
	}
	*p = all
	return nil
}

// MarshalJSON writes what [Paths.UnmarshalJSON] reads.
func (p Paths) MarshalJSON() ([]byte, error) {
	if slices.Equal(p, Paths{None}) {
		return json.Marshal(None)
	}
	return json.Marshal([]string(p))
}

// Folders are the folders: none for [None].
func (p Paths) Folders() []string {
	if slices.Equal(p, Paths{None}) {
		return nil
	}
	return p
}

// Folder is the folder; "" for [None].
func (p Path) Folder() string {
	if p == None {
		return ""
	}
	return string(p)
}

// defaults are the values of a workspace that says nothing.
func defaults() Pipeline {
	return Pipeline{
		Functions: []string{Dir + "/*"}, Proprietary: Paths{"shared/proprietary"}, FFmpeg: "shared/ffmpeg",
		Repositories: Repositories{
			Private: Variants{Light: "lambda-private-light", Heavy: "lambda-private-heavy"},
			Public:  Variants{Light: "lambda-light", Heavy: "lambda-heavy"},
		},
		Tags: Tags{Commit: "{name}-{commit}", Latest: "{name}-latest"},
		Keep: 5, Identity: "https://lambdas.internal/ci",
	}
}

// Name is the name of the repository of a variant, without its registry.
func (r Repositories) Name(tier Registry, v Variant) string {
	if r == (Repositories{}) {
		r = defaults().Repositories
	}
	of := r.Private
	if tier == Public {
		of = r.Public
	}
	if v == Heavy {
		return of.Heavy
	}
	return of.Light
}

// LoadPipeline reads [PipelineFile] of the workspace at root, and fills in the defaults.
// Its error joins every [Problem] found.
func LoadPipeline(root string) (Pipeline, error) {
	p := defaults()
	if err := ReadJSON(root, PipelineFile, &p); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return Pipeline{}, err
	}
	if problems := p.check(); len(problems) > 0 {
		return Pipeline{}, errors.Join(problems...)
	}
	return p, nil
}

var (
	// repositoryName is the rule of the OCI distribution specification, which is ECR's.
	repositoryName = regexp.MustCompile(`^[a-z0-9]+([._-][a-z0-9]+)*(/[a-z0-9]+([._-][a-z0-9]+)*)*$`)
	accountID      = regexp.MustCompile(`^[0-9]{12}$`)
	toolchainName  = regexp.MustCompile(`^go1\.[0-9]+(\.[0-9]+|rc[0-9]+|beta[0-9]+)$`)
	lambdaPrefix   = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)
	// https://docs.aws.amazon.com/general/latest/gr/rande.html
	regionName = regexp.MustCompile(`^[a-z]+(-[a-z]+)+-[0-9]+$`)
	// oneRegion matches a registry of ECR, which is of one region.
	oneRegion = regexp.MustCompile(`^[0-9]{12}\.dkr[.-]ecr[^/{]*(/|$)`)
)

// check returns what is wrong with the values.
func (p *Pipeline) check() (problems []error) {
	bad := func(field, format string, args ...any) {
		problems = append(problems, Problem{File: PipelineFile, Field: field, Fix: fmt.Sprintf(format, args...)})
	}
	folder := func(field, name string) {
		if name == "" || path.Clean(name) != name || !fs.ValidPath(name) {
			bad(field, "%q is not a folder of the workspace; write it relative to the workspace, with /, such as \"shared/x\"", name)
		}
	}
	for n, pattern := range p.Functions {
		folder(fmt.Sprintf("functions[%d]", n), strings.TrimPrefix(pattern, "!"))
		if _, err := path.Match(pattern, ""); err != nil {
			bad(fmt.Sprintf("functions[%d]", n), "%q is not a pattern; write one such as \"functions/*\"", pattern)
		}
	}
	for n, name := range p.Proprietary.Folders() {
		if name == None {
			bad("proprietary", "%q stands alone, not in a list; write \"proprietary\": \"none\"", None)
			continue
		}
		folder(fmt.Sprintf("proprietary[%d]", n), name)
	}
	folder("ffmpeg", string(p.FFmpeg))
	p.checkRepositories(bad)
	p.Tags.check(bad)
	if p.Keep < 1 || p.Keep > 1000 {
		bad("keep", "must be 1 to 1000, not %d", p.Keep)
	}
	if p.LambdaPrefix != "" && !lambdaPrefix.MatchString(p.LambdaPrefix) {
		bad("lambdaPrefix", "%q is not the beginning of a function's name; use letters, digits, - and _", p.LambdaPrefix)
	}
	if p.Toolchain != "" && !toolchainName.MatchString(p.Toolchain) {
		bad("toolchain", "%q is not a Go version; write one such as \"go1.26.8\"", p.Toolchain)
	}
	if !strings.HasPrefix(p.Identity, "https://") || strings.ContainsAny(p.Identity, " ?#") || strings.HasSuffix(p.Identity, "/") {
		bad("identity", "%q is not a URI; write one such as \"https://example.com/pipeline\"", p.Identity)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Environments)) {
		p.Environments[name].check(func(field, format string, args ...any) {
			bad("environments."+printable(name)+field, format, args...)
		})
	}
	return problems
}

func (p *Pipeline) checkRepositories(bad func(field, format string, args ...any)) {
	seen := map[string]string{}
	for _, tier := range []Registry{Private, Public} {
		for _, v := range []Variant{Light, Heavy} {
			field, name := fmt.Sprintf("repositories.%s.%s", tier, v), p.Repositories.Name(tier, v)
			switch other := seen[name]; {
			case !repositoryName.MatchString(name):
				bad(field, "%q is not the name of a repository; use lower-case letters, digits and single . _ - between them", name)
			case other != "" && !strings.HasPrefix(other, "repositories."+string(tier)):
				bad(field, "%q is the name of %s too; a private and a public repository need different names, because one registry may hold both", name, other)
			}
			seen[name] = field
		}
	}
}

// check returns what is wrong with an environment.
func (e Environment) check(bad func(field, format string, args ...any)) {
	if e.Account != "" && !accountID.MatchString(e.Account) {
		bad(".account", "%q is not an AWS account; write its 12 digits", e.Account)
	}
	if e.Account != "" && e.PrivateRegistry != "" {
		bad(".account", "has no effect beside privateRegistry, which names the account; leave one out")
	}
	if e.PublicAlias != "" && e.PublicRegistry != "" {
		bad(".publicAlias", "has no effect beside publicRegistry, which names the alias; leave one out")
	}
	e.checkRegions(bad)
	for field, host := range map[string]string{".privateRegistry": strings.ReplaceAll(e.PrivateRegistry, RegionBlank, "region"), ".publicRegistry": e.PublicRegistry} {
		if _, err := ref.NewRepository(host + "/x"); host != "" && (err != nil || strings.Contains(host, "://")) {
			bad(field, "%q is not the name of a registry; write host[:port][/path]", host)
		}
	}
}

// RegionBlank stands in the name of a private registry of ECR for the region.
const RegionBlank = "{region}"

// CheckRegions returns what is wrong with a list of regions, and what to do about it; "" if nothing
// is.
func CheckRegions(all []string) string {
	for n, region := range all {
		switch {
		case !regionName.MatchString(region):
			return fmt.Sprintf("%q is not an AWS region; write names such as eu-central-1", region)
		case slices.Contains(all[:n], region):
			return region + " is there twice; name each region once"
		}
	}
	return ""
}

func (e Environment) checkRegions(bad func(field, format string, args ...any)) {
	switch wrong := CheckRegions(e.Regions); {
	case e.Regions == nil:
	case len(e.Regions) == 0:
		bad(".regions", "is empty; name the regions in the order of release, or leave it out")
	case wrong != "":
		bad(".regions", "%s", wrong)
	case e.Region != "":
		bad(".regions", "cannot stand beside region; leave one out")
	case len(e.Regions) > 1 && oneRegion.MatchString(e.PrivateRegistry):
		bad(".privateRegistry", "%q is the registry of one region; write %s in place of it, or name the account with account", e.PrivateRegistry, RegionBlank)
	}
}

// Environment returns the environment with the name.
func (p *Pipeline) Environment(name string) (Environment, error) {
	e, ok := p.Environments[name]
	if ok {
		return e, nil
	}
	known := slices.Sorted(maps.Keys(p.Environments))
	if len(known) == 0 {
		return e, fmt.Errorf("no environment is named %q: %s has none; add it to the field environments", name, PipelineFile)
	}
	return e, fmt.Errorf("no environment is named %q%s; those in %s are %s", name, suggest(name, known), PipelineFile, strings.Join(known, ", "))
}
