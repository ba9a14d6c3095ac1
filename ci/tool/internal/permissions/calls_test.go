// Package permissions tests that the IAM policies in docs/aws allow exactly the AWS calls
// that the commands make.
package permissions

import (
	"go/ast"
	"go/types"
	"maps"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/tools/go/packages"
)

const (
	module   = "lambdas.internal/ci/tool/"
	commands = module + "cmd/ci"
	client   = "(*" + module + "registry.Client)."
	services = "github.com/aws/aws-sdk-go-v2/service/"
)

// program says which functions of this module use which others, by full name.
type program struct {
	uses map[string][]string
	// verbs are the functions that make a command: newPublish and the like.
	verbs []string
}

// load reads the program's source, with types. A method of an interface counts as using
// the method of every type of the module that implements the interface.
var load = sync.OnceValues(func() (*program, error) {
	all, err := packages.Load(&packages.Config{
		// With the flags of `make test`: what is imported is compiled for it already.
		Mode: packages.LoadSyntax, Dir: "../..", BuildFlags: []string{"-trimpath"}, Env: append(os.Environ(), "CGO_ENABLED=0"),
	}, "./...")
	if err != nil {
		return nil, err
	}
	p := &program{uses: map[string][]string{}}
	var concrete []types.Type
	for _, pkg := range all {
		for _, e := range pkg.Errors {
			return nil, e
		}
		scope := pkg.Types.Scope()
		for _, name := range scope.Names() {
			if t, ok := scope.Lookup(name).(*types.TypeName); ok && !types.IsInterface(t.Type()) {
				concrete = append(concrete, types.NewPointer(t.Type()))
			}
		}
	}
	for _, pkg := range all {
		add := func(user types.Object, body ast.Node) {
			ast.Inspect(body, func(n ast.Node) bool {
				if id, ok := n.(*ast.Ident); ok {
					if used := pkg.TypesInfo.Uses[id]; used != nil {
						p.uses[key(user)] = append(p.uses[key(user)], usesOf(used, concrete)...)
					}
				}
				return true
			})
		}
		for _, file := range pkg.Syntax {
			for _, d := range file.Decls {
				switch d := d.(type) {
				case *ast.FuncDecl:
					f := pkg.TypesInfo.Defs[d.Name]
					if d.Body != nil {
						add(f, d.Body)
					}
					if pkg.PkgPath == commands && isVerb(f) {
						p.verbs = append(p.verbs, f.Name())
					}
				case *ast.GenDecl:
					for _, s := range d.Specs {
						if v, ok := s.(*ast.ValueSpec); ok {
							for _, name := range v.Names {
								add(pkg.TypesInfo.Defs[name], v)
							}
						}
					}
				}
			}
		}
	}
	return p, nil
})

// isVerb tells whether a function has a parameter *app and returns a *cobra.Command.
func isVerb(f types.Object) bool {
	s, ok := f.Type().(*types.Signature)
	return ok && strings.HasPrefix(f.Name(), "new") && s.Params().Len() == 1 && s.Results().Len() == 1 &&
		strings.HasSuffix(s.Params().At(0).Type().String(), ".app") && strings.HasSuffix(s.Results().At(0).Type().String(), "cobra.Command")
}

func key(o types.Object) string {
	if f, ok := o.(*types.Func); ok {
		return f.Origin().FullName()
	}
	if o.Pkg() == nil {
		return o.Name()
	}
	return o.Pkg().Path() + "." + o.Name()
}

// usesOf returns the names of what an identifier stands for: functions, and variables of a
// package.
func usesOf(used types.Object, concrete []types.Type) []string {
	switch used := used.(type) {
	case *types.Var:
		if used.Pkg() == nil || used.Parent() != used.Pkg().Scope() {
			return nil
		}
		return []string{key(used)}
	case *types.Func:
		found := []string{key(used)}
		receiver := used.Signature().Recv()
		if receiver == nil || !types.IsInterface(receiver.Type()) || used.Pkg() == nil || !strings.HasPrefix(used.Pkg().Path(), module) {
			return found
		}
		for _, t := range concrete {
			if types.Implements(t, receiver.Type().Underlying().(*types.Interface)) {
				method, _, _ := types.LookupFieldOrMethod(t, false, used.Pkg(), used.Name())
				found = append(found, key(method))
			}
		}
		return found
	default:
		return nil
	}
}

// reach returns everything that a verb uses, directly or indirectly.
func (p *program) reach(verb string) []string {
	seen := map[string]bool{}
	var visit func(string)
	visit = func(name string) {
		if seen[name] {
			return
		}
		seen[name] = true
		for _, next := range p.uses[name] {
			visit(next)
		}
	}
	visit(commands + "." + verb)
	return slices.Sorted(maps.Keys(seen))
}

var (
	operation = regexp.MustCompile(`^\(\*` + regexp.QuoteMeta(services) + `(\w+)\.Client\)\.([A-Z]\w+)$`)
	paginator = regexp.MustCompile(`^` + regexp.QuoteMeta(services) + `(\w+)\.New([A-Z]\w+)Paginator$`)
	waiter    = regexp.MustCompile(`^` + regexp.QuoteMeta(services) + `(\w+)\.New([A-Z]\w+)Waiter$`)
)

// calls returns the operations of AWS that a verb uses, such as ecr.PutImage, and the
// methods of the registry's client.
func (p *program) calls(t *testing.T, verb string) (operations, methods []string) {
	for _, name := range p.reach(verb) {
		for _, pattern := range []*regexp.Regexp{operation, paginator} {
			if m := pattern.FindStringSubmatch(name); m != nil && m[2] != "Options" {
				operations = append(operations, m[1]+"."+m[2])
			}
		}
		assert.NotRegexp(t, waiter, name, "a waiter calls an operation that this test cannot find")
		if method, ok := strings.CutPrefix(name, client); ok && method[0] >= 'A' && method[0] <= 'Z' {
			methods = append(methods, method)
		}
	}
	slices.Sort(operations)
	return slices.Compact(operations), methods
}

func TestTheCallsThatAreFound(t *testing.T) {
	p, err := load()
	require.NoError(t, err)
	assert.Greater(t, len(p.verbs), 15)
	operations, methods := p.calls(t, "newRetention")
	assert.Equal(t, []string{
		"ecr.BatchDeleteImage", "ecr.BatchGetImage", "ecr.DescribeImages", "ecr.DescribeRepositories", "ecr.GetAuthorizationToken", "ecr.GetLifecyclePolicy", "ecr.PutImage", "ecr.PutLifecyclePolicy",
		"ecrpublic.BatchDeleteImage", "ecrpublic.DescribeImages", "ecrpublic.DescribeRegistries", "ecrpublic.DescribeRepositories",
		"ecrpublic.GetAuthorizationToken",
		"lambda.GetFunction", "lambda.ListVersionsByFunction",
		"sts.GetCallerIdentity",
	}, operations, "by plain calls and by paginators")
	assert.Equal(t, []string{"Blob", "Content", "Digest", "Manifest", "Platforms", "Referrers", "Tags"}, methods)
	operations, methods = p.calls(t, "newDeploy")
	assert.Contains(t, operations, "lambda.UpdateFunctionCode", "through an interface")
	assert.Contains(t, methods, "PutManifest", "through another interface")
	operations, methods = p.calls(t, "newList")
	assert.Empty(t, operations)
	assert.Empty(t, methods)
	for name := range p.uses {
		if path.Base(name) == "reach" {
			assert.Fail(t, "tests are not part of the program")
		}
	}
}
