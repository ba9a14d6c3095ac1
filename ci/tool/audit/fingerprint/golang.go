package fingerprint

import (
	"encoding/binary"
	"errors"
	"go/ast"
	"go/constant"
	"go/parser"
	"go/scanner"
	"go/token"
	"go/types"
	"hash/fnv"
	"math"
	"path"
	"strconv"
	"strings"
)

// source is what a Go file leaves in a program, other than its code.
type source struct {
	// texts are the constant strings, folded as the compiler does, and the comments.
	texts []span
	// tables are the numbers of composite literals.
	tables [][]number
}

type span struct {
	text   string
	offset int
}

// goFiles reads Go files of one folder, by name. A file that does not parse is one
// text. Nothing that is imported is read, so that an expression with a part from another
// package is no constant.
func goFiles(files map[string][]byte) map[string]source {
	set := token.NewFileSet()
	all := map[string]source{}
	packages := map[string][]*ast.File{}
	names := map[*ast.File]string{}
	for name, content := range files {
		parsed, err := parser.ParseFile(set, name, content, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			all[name] = source{texts: []span{{string(content), 0}}}
			continue
		}
		packages[parsed.Name.Name] = append(packages[parsed.Name.Name], parsed)
		names[parsed] = name
	}
	for of, parsed := range packages {
		values := constants(set, of, parsed)
		for _, f := range parsed {
			all[names[f]] = read(set, f, values)
		}
	}
	return all
}

// constants returns the constant expressions of a package. Errors are those of what was
// not read.
func constants(set *token.FileSet, name string, files []*ast.File) map[ast.Expr]types.TypeAndValue {
	info := &types.Info{Types: map[ast.Expr]types.TypeAndValue{}}
	config := types.Config{Error: func(error) {}, Importer: nothing{}, FakeImportC: true}
	_, _ = config.Check(name, set, files, info)
	return info.Types
}

// nothing imports no package.
type nothing struct{}

func (nothing) Import(string) (*types.Package, error) { return nil, errors.New("not read") }

// read returns what a file leaves. Import paths and struct tags are not its author's own
// content.
func read(set *token.FileSet, f *ast.File, values map[ast.Expr]types.TypeAndValue) source {
	var s source
	at := func(p token.Pos) int { return set.Position(p).Offset }
	for _, group := range f.Comments {
		s.texts = append(s.texts, span{group.Text(), at(group.Pos())})
	}
	tags := map[ast.Expr]bool{}
	ast.Inspect(f, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ImportSpec:
			return false
		case *ast.Field:
			if n.Tag != nil {
				tags[n.Tag] = true
			}
		case *ast.CompositeLit:
			if table := elements(n, values, at); len(table) > 0 {
				s.tables = append(s.tables, table)
			}
		}
		if e, ok := n.(ast.Expr); ok && !tags[e] {
			if text, ok := text(e, values); ok {
				s.texts = append(s.texts, span{text, at(e.Pos())})
			}
		}
		return true
	})
	return s
}

// text returns the value of a constant string.
func text(e ast.Expr, values map[ast.Expr]types.TypeAndValue) (string, bool) {
	if v := values[e].Value; v != nil {
		if v.Kind() != constant.String {
			return "", false
		}
		return constant.StringVal(v), true
	}
	if l, ok := e.(*ast.BasicLit); ok && l.Kind == token.STRING {
		value, err := strconv.Unquote(l.Value)
		return value, err == nil
	}
	if sum, ok := e.(*ast.BinaryExpr); ok && sum.Op == token.ADD {
		left, ok := text(sum.X, values)
		right, also := text(sum.Y, values)
		return left + right, ok && also
	}
	return "", false
}

// elements returns the numbers of a composite literal, those of nested ones too, in the
// order in which they are in memory if it is an array.
func elements(c *ast.CompositeLit, values map[ast.Expr]types.TypeAndValue, at func(token.Pos) int) []number {
	var all []number
	for _, e := range c.Elts {
		if pair, ok := e.(*ast.KeyValueExpr); ok {
			e = pair.Value
		}
		if nested, ok := e.(*ast.CompositeLit); ok {
			all = append(all, elements(nested, values, at)...)
		} else if v := values[e].Value; v != nil && (v.Kind() == constant.Int || v.Kind() == constant.Float) {
			value, _ := constant.Float64Val(constant.ToFloat(v))
			all = append(all, number{value, at(e.Pos())})
		}
	}
	return all
}

// stored returns the bytes of a table of numbers as a program has them, in each type that
// can hold them.
func stored(table []number) [][]byte {
	whole := true
	for _, n := range table {
		whole = whole && n.value == math.Trunc(n.value) && math.Abs(n.value) < 1<<53
	}
	var forms [5][]byte
	order := binary.LittleEndian
	for _, n := range table {
		forms[0] = order.AppendUint64(forms[0], math.Float64bits(n.value))
		forms[1] = order.AppendUint32(forms[1], math.Float32bits(float32(n.value)))
		if whole {
			forms[2] = order.AppendUint64(forms[2], uint64(int64(n.value)))
			forms[3] = order.AppendUint32(forms[3], uint32(int64(n.value)))
			forms[4] = order.AppendUint16(forms[4], uint16(int64(n.value)))
		}
	}
	return forms[:]
}

// code yields the tokens of a Go file after its imports, whatever its names and literals
// are. Only what cannot be renamed keeps its name: what the language and the standard
// library declare.
func code(content []byte) stream {
	return func(yield func(symbol, int)) {
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, "", content, parser.ImportsOnly)
		if err != nil {
			return
		}
		imported := map[string]string{}
		start := set.Position(parsed.Name.End()).Offset
		for _, i := range parsed.Imports {
			start = max(start, set.Position(i.End()).Offset)
			from, _ := strconv.Unquote(i.Path.Value)
			if first, _, _ := strings.Cut(from, "/"); strings.Contains(first, ".") {
				continue
			}
			name := path.Base(from)
			if i.Name != nil {
				name = i.Name.Name
			}
			imported[name] = from
		}
		tokens := lex(content)
		for i := 0; i < len(tokens); i++ {
			t := tokens[i]
			switch {
			case t.offset < start:
			case i+2 < len(tokens) && imported[t.text] != "" && tokens[i+1].tok == token.PERIOD && (i == 0 || tokens[i-1].tok != token.PERIOD):
				yield(named(imported[t.text]+"."+tokens[i+2].text), t.offset)
				i += 2
			case t.tok == token.IDENT && types.Universe.Lookup(t.text) != nil:
				yield(named(t.text), t.offset)
			case t.tok.IsLiteral() && t.tok != token.IDENT:
				// A list of literals is as long as its author wants.
				if i < 2 || tokens[i-1].tok != token.COMMA || !tokens[i-2].tok.IsLiteral() || tokens[i-2].tok == token.IDENT {
					yield(symbol(token.STRING), t.offset)
				} else if i+1 < len(tokens) && tokens[i+1].tok == token.COMMA {
					i++
				}
			default:
				yield(symbol(t.tok), t.offset)
			}
		}
	}
}

// literals yields the letters of all string literals of a Go file, in their order: a text
// may be in pieces that the program joins when it runs.
func literals(content []byte) stream {
	return func(yield func(symbol, int)) {
		for _, t := range lex(content) {
			if t.tok != token.STRING {
				continue
			}
			if text, err := strconv.Unquote(t.text); err == nil {
				letters([]byte(text), false)(func(s symbol, at int) { yield(s, min(t.offset+1+at, len(content)-1)) })
			}
		}
	}
}

// named is the symbol of a name.
func named(name string) symbol {
	h := fnv.New64a()
	_, _ = h.Write([]byte(name))
	return symbol(h.Sum64())
}

type lexeme struct {
	tok    token.Token
	text   string
	offset int
}

// lex returns the tokens of a Go file without its comments.
func lex(content []byte) []lexeme {
	var s scanner.Scanner
	file := token.NewFileSet().AddFile("", -1, len(content))
	s.Init(file, content, func(token.Position, string) {}, 0)
	var all []lexeme
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			return all
		}
		all = append(all, lexeme{tok, text, file.Offset(pos)})
	}
}
