package fingerprint

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
)

// ExceptText makes the fingerprint recognise a text no more.
func (p *Fingerprint) ExceptText(text string) error {
	known := p.Public("", []byte(text))
	if len(known[texts])+len(known[raws]) == 0 {
		return fmt.Errorf("no private file has this text, or it is shorter than the %d letters and digits that are recognised; remove it", kinds[texts].length)
	}
	fmt.Fprintf(p.all, "except %q\n", text)
	p.Forget(known)
	return nil
}

// ExceptFunction makes the fingerprint recognise the code of a function or a method, such
// as parse or Reader.parse, no more.
func (p *Fingerprint) ExceptFunction(name, function string) error {
	for _, f := range p.files {
		if f.name != name {
			continue
		}
		start, end := find(f.content, function)
		var known Public
		p.tables[codes].roll(code(f.content), func(hash uint64, first, last int, _ []symbol) {
			if first < end && last >= start {
				known[codes] = append(known[codes], hash)
			}
		})
		if end == 0 {
			return fmt.Errorf("%s has no function %s; remove it", name, function)
		}
		fmt.Fprintf(p.all, "except %q of %q\n", function, name)
		p.Forget(known)
		return nil
	}
	return fmt.Errorf("%s is no private file; remove it", name)
}

// find returns where a function starts and ends; 0 if it is not there.
func find(content []byte, function string) (start, end int) {
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, "", content, parser.SkipObjectResolution)
	if err != nil {
		return 0, 0
	}
	for _, d := range parsed.Decls {
		f, ok := d.(*ast.FuncDecl)
		if !ok {
			continue
		}
		name := f.Name.Name
		if f.Recv != nil {
			of := string(content[set.Position(f.Recv.List[0].Type.Pos()).Offset:set.Position(f.Recv.List[0].Type.End()).Offset])
			of, _, _ = strings.Cut(strings.TrimPrefix(of, "*"), "[")
			name = of + "." + name
		}
		if name == function {
			return set.Position(f.Pos()).Offset, set.Position(f.End()).Offset
		}
	}
	return 0, 0
}
