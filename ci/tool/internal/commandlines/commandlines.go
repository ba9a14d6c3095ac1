// Package commandlines finds the command lines in documents, workflows and build
// specifications, so that tests can check them against the flags of the programs.
package commandlines

import (
	"bytes"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/text"
	"go.yaml.in/yaml/v3"
	"mvdan.cc/sh/v3/syntax"
)

// Line is one command line.
type Line struct {
	// File and Text are for messages.
	File, Text string
	// Words are the program and its arguments. A value that only a shell knows, such as
	// $COMMIT, is [Unknown].
	Words []string
}

// Unknown stands for a word, or a part of one, whose value is known only at run time. It is
// both a valid commit and a valid number.
const Unknown = "1234567"

// Find returns the command lines of a file that run one of the programs. A program is
// recognized by the last part of its path.
func Find(file string, content []byte, programs ...string) ([]Line, error) {
	var scripts []string
	switch path.Ext(file) {
	case ".md":
		scripts = markdown(content, programs)
	case ".yml", ".yaml":
		var node yaml.Node
		if err := yaml.Unmarshal(content, &node); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		scripts = commands(&node, "")
	default:
		scripts = []string{string(content)}
	}
	var lines []Line
	for _, script := range scripts {
		found, err := calls(script)
		if err != nil {
			return nil, fmt.Errorf("%s: %w\n%s", file, err, script)
		}
		for _, words := range found {
			words = unwrap(words)
			if len(words) > 0 && slices.Contains(programs, path.Base(words[0])) {
				lines = append(lines, Line{File: file, Text: strings.Join(words, " "), Words: words})
			}
		}
	}
	return lines, nil
}

// unwrap removes a wrapper that runs another command: .github/summarize TITLE.
func unwrap(words []string) []string {
	if len(words) > 2 && words[0] == ".github/summarize" {
		return words[2:]
	}
	return words
}

// expression matches a value that GitHub puts into a script.
var expression = regexp.MustCompile(`\$\{\{.*?\}\}`)

// commands returns the scripts of a workflow, an action or a build specification: those at
// the keys run, commands and finally.
func commands(n *yaml.Node, key string) (scripts []string) {
	if n.Kind == yaml.ScalarNode {
		if key == "run" || key == "commands" || key == "finally" {
			scripts = append(scripts, expression.ReplaceAllString(n.Value, Unknown))
		}
		return scripts
	}
	for i, child := range n.Content {
		switch {
		case n.Kind != yaml.MappingNode:
			scripts = append(scripts, commands(child, key)...)
		case i%2 == 1:
			scripts = append(scripts, commands(child, n.Content[i-1].Value)...)
		}
	}
	return scripts
}

// continued matches the end of a line that continues on the next line.
var continued = regexp.MustCompile(`\s*\\\n\s*`)

// column matches a gap between the columns of a picture or a table, but not one before a
// comment.
var column = regexp.MustCompile(`\S {3,}[^# ]`)

// markdown returns the command lines in code blocks and in code spans. In a block with
// prompts, only the text after a prompt is a command; the rest is output.
func markdown(content []byte, programs []string) (scripts []string) {
	begins := func(line string) bool {
		first, _, _ := strings.Cut(strings.TrimSpace(line), " ")
		return slices.Contains(programs, path.Base(first)) && first != ""
	}
	add := func(text string) {
		if begins(text) && !column.MatchString(text) {
			scripts = append(scripts, text)
		}
	}
	document := goldmark.DefaultParser().Parse(text.NewReader(content))
	_ = ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function never fails
		if !entering {
			return ast.WalkContinue, nil
		}
		switch n.Kind() {
		case ast.KindCodeSpan:
			var b bytes.Buffer
			for c := n.FirstChild(); c != nil; c = c.NextSibling() {
				if t, ok := c.(*ast.Text); ok {
					b.Write(t.Value(content))
				}
			}
			if _, rest, ok := strings.Cut(b.String(), " "); ok && rest != "" { // a name alone is not a command line
				add(b.String())
			}
		case ast.KindFencedCodeBlock, ast.KindCodeBlock:
			block := string(n.Lines().Value(content))
			block = continued.ReplaceAllString(block, " ")
			prompts := strings.HasPrefix(block, "$ ") || strings.Contains(block, "\n$ ")
			for line := range strings.Lines(block) {
				line, prompt := strings.CutPrefix(strings.TrimSpace(line), "$ ")
				switch {
				case prompts && prompt:
					scripts = append(scripts, line)
				case !prompts:
					add(line)
				}
			}
		}
		return ast.WalkContinue, nil
	})
	return scripts
}

// calls returns all simple commands of a shell script.
func calls(script string) (found [][]string, _ error) {
	file, err := syntax.NewParser(syntax.Variant(syntax.LangBash)).Parse(strings.NewReader(script), "")
	if err != nil {
		return nil, err
	}
	syntax.Walk(file, func(n syntax.Node) bool {
		if call, ok := n.(*syntax.CallExpr); ok && len(call.Args) > 0 {
			var words []string
			for _, w := range call.Args {
				words = append(words, word(w.Parts))
			}
			found = append(found, words)
		}
		return true
	})
	return found, nil
}

func word(parts []syntax.WordPart) string {
	var b strings.Builder
	for _, part := range parts {
		switch p := part.(type) {
		case *syntax.Lit:
			b.WriteString(p.Value)
		case *syntax.SglQuoted:
			b.WriteString(p.Value)
		case *syntax.DblQuoted:
			b.WriteString(word(p.Parts))
		default:
			b.WriteString(Unknown)
		}
	}
	return b.String()
}
