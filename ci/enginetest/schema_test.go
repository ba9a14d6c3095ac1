package enginetest

import (
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"dagger.io/dagger"
	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "rewrite ci/testdata/schema.graphql from the engine")

// The module's tests without an engine validate its queries against a copy of the
// engine's schema. This test compares the copy with the engine.
func TestCopyOfTheSchemaIsTheEngines(t *testing.T) {
	onlyWithItsVersion(t)
	const file = "../testdata/schema.graphql"
	var answer struct {
		Schema introspected `json:"__schema"`
	}
	err := client(t).Do(t.Context(), &dagger.Request{Query: introspection}, &dagger.Response{Data: &answer})
	require.NoError(t, err)
	engines := answer.Schema.sdl()
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(engines), 0o644))
		return
	}
	copied, err := os.ReadFile(file)
	require.NoError(t, err)
	same := engines == string(copied)
	require.True(t, same, "%s is not the engine's; run `go test -run Schema -update` in ci/enginetest", file)
}

const introspection = `query {
  __schema {
    queryType { name }
    types {
      kind name
      interfaces { name }
      possibleTypes { name }
      fields(includeDeprecated: true) { name type { ...ref } args(includeDeprecated: true) { ...input } }
      inputFields(includeDeprecated: true) { ...input }
      enumValues(includeDeprecated: true) { name }
    }
  }
}
fragment input on __InputValue { name type { ...ref } defaultValue directives { name args { name value } } }
fragment ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } }
`

// introspected is the part of a schema that says which queries are valid.
type introspected struct {
	QueryType struct{ Name string }
	Types     []schemaType
}

type schemaType struct {
	Kind, Name                string
	Interfaces, PossibleTypes []struct{ Name string }
	Fields                    []struct {
		Name string
		Type typeRef
		Args []inputValue
	}
	InputFields []inputValue
	EnumValues  []struct{ Name string }
}

type inputValue struct {
	Name         string
	Type         typeRef
	DefaultValue *string
	Directives   []struct {
		Name string
		Args []struct{ Name, Value string }
	}
}

type typeRef struct {
	Kind, Name string
	OfType     *typeRef
}

func (r typeRef) String() string {
	switch r.Kind {
	case "NON_NULL":
		return r.OfType.String() + "!"
	case "LIST":
		return "[" + r.OfType.String() + "]"
	default:
		return r.Name
	}
}

// String keeps the one directive that says which type of object an ID must name.
func (v inputValue) String() string {
	s := v.Name + ": " + v.Type.String()
	if v.DefaultValue != nil {
		s += " = " + *v.DefaultValue
	}
	for _, d := range v.Directives {
		if d.Name == "expectedType" {
			s += fmt.Sprintf(" @expectedType(name: %s)", d.Args[0].Value)
		}
	}
	return s
}

// sdl writes the schema in the language of GraphQL, without descriptions.
func (s introspected) sdl() string {
	var b strings.Builder
	b.WriteString("# The schema of the Dagger engine. Made by ci/enginetest. DO NOT EDIT.\n\n")
	fmt.Fprintf(&b, "schema {\n  query: %s\n}\n\ndirective @expectedType(name: String) on ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION | FIELD_DEFINITION\n", s.QueryType.Name)
	slices.SortFunc(s.Types, func(a, b schemaType) int { return cmp.Compare(a.Name, b.Name) })
	for _, t := range s.Types {
		if !strings.HasPrefix(t.Name, "_") && !slices.Contains([]string{"Boolean", "Float", "ID", "Int", "String"}, t.Name) {
			t.write(&b)
		}
	}
	return b.String()
}

func (t schemaType) write(b *strings.Builder) {
	keyword := map[string]string{"OBJECT": "type", "INTERFACE": "interface", "ENUM": "enum", "INPUT_OBJECT": "input", "SCALAR": "scalar"}[t.Kind]
	fmt.Fprintf(b, "\n%s %s", keyword, t.Name)
	for i, in := range t.Interfaces {
		fmt.Fprintf(b, "%s %s", []string{" implements", " &"}[min(i, 1)], in.Name)
	}
	if t.Kind == "SCALAR" {
		b.WriteString("\n")
		return
	}
	b.WriteString(" {\n")
	for _, f := range t.Fields {
		var args []string
		for _, a := range f.Args {
			args = append(args, a.String())
		}
		list := strings.Join(args, ", ")
		if list != "" {
			list = "(" + list + ")"
		}
		fmt.Fprintf(b, "  %s%s: %s\n", f.Name, list, f.Type)
	}
	for _, v := range t.InputFields {
		fmt.Fprintf(b, "  %s\n", v)
	}
	for _, v := range t.EnumValues {
		fmt.Fprintf(b, "  %s\n", v.Name)
	}
	b.WriteString("}\n")
}
