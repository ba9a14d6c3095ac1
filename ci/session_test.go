package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"lambdas.internal/ci/internal/apitest"
)

// session stands in for an engine. It validates each query of the module against the
// engine's schema, keeps it, and answers with invented IDs and outputs.
type session struct {
	t  *testing.T
	mu sync.Mutex
	// objects are what the IDs name: the inputs, and the queries that made the others.
	objects map[string]object
	// received are the IDs of all queries, in the order in which they arrived.
	received []string
	// fail, if set, answers the queries that run a step.
	fail *gqlerror.Error
	// dotGit is what .git is in every directory: empty for a folder, or missing, or else
	// the content of a file.
	dotGit string
	// lock is the lock file of every source; none if it is empty.
	lock string
	// listed is what the program prints of the functions, instead of oneOfEach.
	listed string
}

const missing = "missing"

// sourcesLock is a lock file, and oneOfEach a list of functions.
const (
	sourcesLock = `{"builder": {"reference": "registry.example/golang:2", "digest": "sha256:456"}}`
	oneOfEach   = `[{"image": "api", "variant": "light"}, {"image": "enhance", "variant": "light"}, {"image": "thumb", "variant": "heavy"}]`
)

// object is what an ID names. An input of the module has no query.
type object struct {
	kind  string
	query *ast.Field
}

var (
	current atomic.Pointer[session]
	serve   sync.Once
	schema  = sync.OnceValue(func() *ast.Schema {
		sdl, err := os.ReadFile("testdata/schema.graphql")
		if err != nil {
			panic(err)
		}
		return gqlparser.MustLoadSchema(&ast.Source{Name: "schema.graphql", Input: string(sdl)})
	})
)

// open starts a session; the client has one at a time. inputs maps IDs to the types of
// what they name.
func open(t *testing.T, inputs map[string]string) *session {
	t.Helper()
	s := &session{t: t, objects: map[string]object{}, lock: sourcesLock}
	for id, kind := range inputs {
		s.objects[id] = object{kind: kind}
	}
	current.Store(s)
	t.Cleanup(func() { current.Store(nil) })
	serve.Do(func() {
		go http.Serve(apitest.Listener, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			current.Load().ServeHTTP(w, r)
		}))
	})
	return s
}

func (s *session) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if token, _, _ := r.BasicAuth(); token != apitest.Token {
		s.t.Errorf("the client presents the token %q", token)
	}
	var request struct{ Query string }
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		s.t.Error(err)
	}
	data, err := s.answer(request.Query)
	reply := map[string]any{"data": data}
	if err != nil {
		reply = map[string]any{"errors": gqlerror.List{err}}
	}
	json.NewEncoder(w).Encode(reply)
}

// answer validates and keeps the query, and invents the value that it asks for.
func (s *session) answer(text string) (any, *gqlerror.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	document, errs := gqlparser.LoadQueryWithRules(schema(), text, rules.NewDefaultRules())
	if errs != nil {
		s.t.Errorf("the schema refuses %s: %v", text, errs)
		return nil, errs[0]
	}
	root := document.Operations[0].SelectionSet[0].(*ast.Field)
	s.checkIDs(root)
	id, leaf := s.keep(root)
	if s.fail != nil && (leaf.Name == "sync" || leaf.Name == "stdout") {
		return nil, s.fail
	}
	var value any
	switch leaf.Definition.Type.Name() {
	case "ID":
		value = id
	case "String":
		switch asked := format(root, nil); {
		case strings.Contains(asked, `file(path: "`+lockPath+`")`):
			value = s.lock
		case leaf.Name == "contents":
			value = s.dotGit
		case leaf.Name == "imageRef":
			value = "registry.example/" + root.Arguments[0].Value.Raw + ":1@sha256:123"
		case strings.Contains(asked, `["ci","list","--json"]`):
			value = cmp.Or(s.listed, oneOfEach)
		default:
			value = "the " + leaf.Name + "\n"
		}
	case "Boolean": // exists
		if strings.Contains(format(root, nil), lockPath) {
			value = s.lock != ""
			break
		}
		value = s.dotGit == "" || s.dotGit != missing && leaf.Arguments.ForName("expectedType") == nil
	default:
		s.t.Errorf("the stand-in knows no answer to %s of type %s", leaf.Name, leaf.Definition.Type)
	}
	for _, f := range slices.Backward(path(root)) {
		value = map[string]any{f.Name: value}
	}
	return value, nil
}

// keep stores the query under an ID that depends only on its content.
func (s *session) keep(root *ast.Field) (id string, leaf *ast.Field) {
	fields := path(root)
	leaf = fields[len(fields)-1]
	for _, f := range fields {
		slices.SortFunc(f.Arguments, func(a, b *ast.Argument) int {
			return position(f, a) - position(f, b)
		})
		for _, a := range f.Arguments {
			if called, err := time.Parse(time.RFC3339Nano, a.Value.Raw); err == nil && time.Since(called) < time.Minute {
				a.Value.Raw = "NOW"
			}
		}
	}
	if len(fields) == 2 && root.Name == "node" && leaf.Name == "id" {
		return root.Arguments[0].Value.Raw, leaf // the query asks an ID for its own ID
	}
	id = fmt.Sprintf("%x", sha256.Sum256([]byte(format(root, nil))))
	s.objects[id] = object{kind: leaf.ObjectDefinition.Name, query: root}
	if !slices.Contains(s.received, id) {
		s.received = append(s.received, id)
	}
	return id, leaf
}

// position is the argument's place in the schema.
func position(f *ast.Field, a *ast.Argument) int {
	return slices.IndexFunc(f.Definition.Arguments, func(d *ast.ArgumentDefinition) bool { return d.Name == a.Name })
}

// checkIDs fails the test if an ID names nothing, or an object of a type that the schema
// does not accept there.
func (s *session) checkIDs(root *ast.Field) {
	s.t.Helper()
	for _, f := range path(root) {
		for _, a := range f.Arguments {
			definition := f.Definition.Arguments.ForName(a.Name)
			if definition.Type.Name() != "ID" {
				continue
			}
			want := ""
			if d := definition.Directives.ForName("expectedType"); d != nil {
				want = d.Arguments.ForName("name").Value.Raw
			} else if on, ok := f.SelectionSet[0].(*ast.InlineFragment); ok {
				want = on.TypeCondition
			}
			if got := s.objects[a.Value.Raw].kind; got != want {
				s.t.Errorf("%s(%s:) wants the ID of a %s, not of %q", f.Name, a.Name, want, got)
			}
		}
	}
}

// path returns the chain of fields from root. The client always sends a single chain.
func path(root *ast.Field) []*ast.Field {
	fields := []*ast.Field{root}
	for set := root.SelectionSet; len(set) > 0; {
		switch next := set[0].(type) {
		case *ast.InlineFragment:
			set = next.SelectionSet
		case *ast.Field:
			fields = append(fields, next)
			set = next.SelectionSet
		}
	}
	return fields
}

// format writes the query with one call per line, and with names instead of IDs.
func format(root *ast.Field, names map[string]string) string {
	var b strings.Builder
	depth := 0
	for set := (ast.SelectionSet{root}); len(set) > 0; depth++ {
		switch at := set[0].(type) {
		case *ast.InlineFragment:
			fmt.Fprintf(&b, "  ... on %s", at.TypeCondition)
			set = at.SelectionSet
		case *ast.Field:
			b.WriteString("  " + at.Name)
			for i, a := range at.Arguments {
				value := a.Value.String()
				if name, ok := names[a.Value.Raw]; ok {
					value = strconv.Quote(name)
				}
				fmt.Fprintf(&b, "%s%s: %s", []string{"(", ", "}[min(i, 1)], a.Name, value)
			}
			if len(at.Arguments) > 0 {
				b.WriteString(")")
			}
			set = at.SelectionSet
		}
		if len(set) > 0 {
			b.WriteString(" {\n")
		}
	}
	return b.String() + "\n" + strings.Repeat("}", depth-1) + "\n"
}

// needs returns the IDs that the query names.
func needs(root *ast.Field) (ids []string) {
	for _, f := range path(root) {
		for _, a := range f.Arguments {
			if f.Definition.Arguments.ForName(a.Name).Type.Name() == "ID" {
				ids = append(ids, a.Value.Raw)
			}
		}
	}
	return ids
}

// document returns everything that was received: each query once, after the queries
// whose results it names.
func (s *session) document() string {
	var b strings.Builder
	names, count := map[string]string{}, map[string]int{}
	var write func(id string)
	write = func(id string) {
		o := s.objects[id]
		if names[id] != "" || o.query == nil {
			return
		}
		for _, other := range needs(o.query) {
			write(other)
		}
		count[o.kind]++
		names[id] = o.kind + strconv.Itoa(count[o.kind])
		fmt.Fprintf(&b, "query %s {\n%s}\n\n", names[id], format(o.query, names))
	}
	var needed []string
	received := slices.Clone(s.received) // some at the same time
	slices.SortFunc(received, func(a, b string) int {
		return strings.Compare(format(s.objects[a].query, nil), format(s.objects[b].query, nil))
	})
	for _, id := range received {
		needed = append(needed, needs(s.objects[id].query)...)
	}
	for _, id := range received {
		if !slices.Contains(needed, id) {
			write(id)
		}
	}
	return strings.TrimSpace(b.String()) + "\n"
}

// call is one field of a query, with its arguments.
type call struct {
	name string
	args map[string]any
}

// calls returns the calls that made the object, from the first one, also those behind
// the IDs that a query continues from.
func (s *session) calls(id string) (calls []call) {
	if s.objects[id].query == nil {
		return []call{{name: "input", args: map[string]any{"id": id}}}
	}
	for _, f := range path(s.objects[id].query) {
		switch f.Name {
		case "node":
			calls = append(calls, s.calls(f.Arguments[0].Value.Raw)...)
		case "id", "sync":
		default:
			c := call{f.Name, map[string]any{}}
			for _, a := range f.Arguments {
				c.args[a.Name], _ = a.Value.Value(nil)
			}
			calls = append(calls, c)
		}
	}
	return calls
}
